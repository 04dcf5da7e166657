package page_test

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/html"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	mailer       = "mailer@example.com"
	recipient    = "ops@example.com"
	mailPassword = "canary of the mail server"
)

// testbed is a server with one site and a mail server that it can send to.
type testbed struct {
	t      *testing.T
	server *refsite.Server
	mail   *smtptest.Server
	// url is the admin page's URL; password is that of the login admin.
	url, password string
	ahead         atomic.Int64
}

func start(t *testing.T, change ...func(*refsite.Config)) *testbed {
	t.Helper()
	w := &testbed{t: t}
	w.mail = smtptest.Start(t, smtptest.Config{Users: map[string]secret.Text{mailer: secret.New(mailPassword)}})
	config := refsite.Config{
		DataFile:      filepath.Join(t.TempDir(), "data"),
		Keys:          seal.Generate(),
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		RootCAs:       w.mail.RootCAs(),
		TestWait:      time.Minute,
		Now:           func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) },
		Logger:        slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&config)
	}
	var err error
	if w.server, err = refsite.New(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if err := w.server.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	front := httptest.NewServer(w.server.Handler())
	t.Cleanup(front.Close)
	w.url = front.URL + "/client-a/admin"
	if _, err := w.server.AddSite("client-a"); err != nil {
		t.Fatal(err)
	}
	w.password = w.login("client-a")
	return w
}

// login gives the site's admin a new password.
func (w *testbed) login(name string) string {
	w.t.Helper()
	password, err := w.server.AddLogin(w.t.Context(), name, "admin")
	if err != nil {
		w.t.Fatal(err)
	}
	return password.Reveal()
}

// site is the site behind the page.
func (w *testbed) site() *core.Site {
	w.t.Helper()
	s, err := w.server.Site("client-a")
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *testbed) state() site.State {
	w.t.Helper()
	state, err := w.site().Read()
	if err != nil {
		w.t.Fatal(err)
	}
	return state
}

// settings are entries that pass a test.
func (w *testbed) settings() url.Values {
	return url.Values{
		"host": {w.mail.Host()}, "port": {strconv.Itoa(w.mail.Port())}, "encryption": {"starttls"},
		"username": {mailer}, "password": {mailPassword}, "from_name": {"Client A"},
	}
}

// apply changes the site like Terraform.
func (w *testbed) apply(change func(*site.Settings)) {
	w.t.Helper()
	settings := site.Settings{Host: "smtp.example.com", Port: 587, Encryption: site.STARTTLS, Username: mailer, FromAddress: mailer}
	change(&settings)
	_, err := w.site().Commit("terraform", core.Write{ID: site.NewWriteID("MANAGER2"), SaveRequest: site.SaveRequest{
		Settings: settings, Password: secret.New("applied"), Revision: w.state().Revision,
	}})
	if err != nil {
		w.t.Fatal(err)
	}
}

// window is a window of a browser without JavaScript.
type window struct {
	t      *testing.T
	url    string
	client *http.Client
	status int
	header http.Header
	text   string
	doc    *html.Node
}

func (w *testbed) window() *window {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	transport := &http.Transport{}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &window{t: w.t, url: w.url, client: &http.Client{Jar: jar, Transport: transport}}
}

// loggedIn returns a window that shows the mail page.
func (w *testbed) loggedIn() *window {
	w.t.Helper()
	b := w.window()
	b.get("")
	b.submit("/login", url.Values{"username": {"admin"}, "password": {w.password}})
	if !strings.Contains(b.text, "Outgoing mail") {
		w.t.Fatalf("the login failed: %d %s", b.status, b.text)
	}
	return b
}

func (b *window) get(rest string) {
	b.t.Helper()
	b.send(http.MethodGet, rest, nil)
}

// submit fills in the form with that action and sends it, including its hidden fields.
func (b *window) submit(action string, values url.Values) {
	b.t.Helper()
	form := b.find(func(n *html.Node) bool {
		target, _, _ := strings.Cut(attribute(n, "action"), "#")
		return n.Data == "form" && strings.HasSuffix(target, action)
	})
	if form == nil {
		b.t.Fatalf("the page has no form %s: %s", action, b.text)
	}
	body := url.Values{}
	for n := range form.Descendants() {
		if name := attribute(n, "name"); name != "" && (n.Data == "input" || n.Data == "select") {
			body.Set(name, value(n))
		}
	}
	maps.Copy(body, values)
	b.send(http.MethodPost, action, body)
}

func (b *window) send(method, rest string, body url.Values, headers ...string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url+rest, strings.NewReader(body.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.status, b.header, b.text = resp.StatusCode, resp.Header, string(data)
	if b.doc, err = html.Parse(strings.NewReader(b.text)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *window) find(match func(*html.Node) bool) *html.Node {
	for n := range b.doc.Descendants() {
		if n.Type == html.ElementNode && match(n) {
			return n
		}
	}
	return nil
}

func (b *window) byID(id string) *html.Node {
	return b.find(func(n *html.Node) bool { return attribute(n, "id") == id })
}

// shows returns the text of the element with that ID, with normalized white space, or "".
func (b *window) shows(id string) string {
	var text strings.Builder
	if element := b.byID(id); element != nil {
		for n := range element.Descendants() {
			if n.Type == html.TextNode {
				text.WriteString(n.Data)
			}
		}
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

// field returns the value of the field with that ID.
func (b *window) field(id string) string {
	b.t.Helper()
	element := b.byID(id)
	if element == nil {
		b.t.Fatalf("the page has no field %s", id)
	}
	return value(element)
}

func value(field *html.Node) string {
	if field.Data == "input" {
		return attribute(field, "value")
	}
	for n := range field.Descendants() {
		if n.Data == "option" && has(n, "selected") {
			return attribute(n, "value")
		}
	}
	return ""
}

// want fails the test unless the element with that id shows the text.
func (b *window) want(id, text string) {
	b.t.Helper()
	if got := b.shows(id); !strings.Contains(got, text) {
		b.t.Errorf("%s shows %q, want %q", id, got, text)
	}
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
