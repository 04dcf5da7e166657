package refsite_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

const (
	mailer    = "mailer@example.com"
	recipient = "ops@example.com"
)

// object is a JSON object.
type object = map[string]any

// testbed is a server, its mail server, and what they leave behind.
type testbed struct {
	t      *testing.T
	config refsite.Config
	server *refsite.Server
	mail   *smtptest.Server
	// password is mailer's password at the mail server.
	password string
	ahead    atomic.Int64
	// log is the server's log, answers its responses.
	log, answers *logBuffer
	handler      atomic.Pointer[http.Handler]
	url          string
}

// start starts a testbed; the functions change the configuration first.
func start(t *testing.T, change ...func(*refsite.Config)) *testbed {
	t.Helper()
	w := &testbed{t: t, password: "canary-" + uuid.NewString(), log: &logBuffer{}, answers: &logBuffer{}}
	w.mail = smtptest.Start(t, smtptest.Config{Users: map[string]secret.Text{mailer: secret.New(w.password)}})
	w.config = refsite.Config{
		DataFile:      filepath.Join(t.TempDir(), "data"),
		Keys:          seal.Generate(),
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		RootCAs:       w.mail.RootCAs(),
		TestWait:      time.Minute,
		Now:           func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) },
		Logger:        slog.New(slog.NewJSONHandler(w.log, nil)),
	}
	for _, f := range change {
		f(&w.config)
	}
	w.open()
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { (*w.handler.Load()).ServeHTTP(rw, r) }))
	t.Cleanup(front.Close)
	w.url = front.URL
	t.Cleanup(func() { w.close() })
	return w
}

func (w *testbed) open() {
	w.t.Helper()
	server, err := refsite.New(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	handler := server.Handler()
	w.server = server
	w.handler.Store(&handler)
}

func (w *testbed) close() {
	w.t.Helper()
	if w.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.t.Context()), time.Minute)
	defer cancel()
	if err := w.server.Close(ctx); err != nil {
		w.t.Error(err)
	}
	w.server = nil
}

// restart closes the server, calls between, which may change files, and starts it with the same data.
func (w *testbed) restart(between func()) {
	w.t.Helper()
	w.close()
	between()
	w.open()
}

// pass advances the clock.
func (w *testbed) pass(d time.Duration) { w.ahead.Add(int64(d)) }

// startPlain starts a mail server without TLS, for tests with very many messages.
func startPlain(t *testing.T, password string) *smtptest.Server {
	t.Helper()
	return smtptest.Start(t, smtptest.Config{Encryption: site.NoEncryption, Users: map[string]secret.Text{mailer: secret.New(password)}})
}

// site adds a site and returns a client of it.
func (w *testbed) site(name string) *client {
	w.t.Helper()
	credentials, err := w.server.AddSite(name)
	if err != nil {
		w.t.Fatal(err)
	}
	return &client{
		t: w.t, url: w.url + "/" + name + apiPath, token: credentials.Token.Reveal(), id: credentials.SiteID,
		http: &http.Client{Transport: checked{t: w.t, next: http.DefaultTransport, answers: w.answers}, CheckRedirect: notFollowed},
	}
}

// quickSite is site without checking every response against openapi.yaml, which takes longer than everything else.
func (w *testbed) quickSite(name string) *client {
	w.t.Helper()
	c := w.site(name)
	c.http.Transport = http.DefaultTransport
	return c
}

// settings returns settings that pass a test, with the given changes.
func (w *testbed) settings(changes object) object {
	s := object{
		"host": w.mail.Host(), "port": w.mail.Port(), "encryption": "starttls", "username": mailer,
		"from_address": mailer, "from_name": "Client A", "helo_name": "site.example.com",
	}
	maps.Copy(s, changes)
	return s
}

func notFollowed(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// client sends requests to one site.
type client struct {
	t     testing.TB
	http  *http.Client
	url   string
	token string
	id    string
}

// answer is a response.
type answer struct {
	status int
	header http.Header
	raw    []byte
	object
}

// call sends a request with a body that is an object, a string or nil; headers are pairs.
func (c *client) call(method, path string, body any, headers ...string) answer {
	c.t.Helper()
	a, err := c.try(c.t.Context(), method, path, body, headers...)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// later sends a request in the background.
func (c *client) later(method, path string, body any) <-chan answer {
	c.t.Helper()
	answered := make(chan answer, 1)
	go func() {
		got, err := c.try(c.t.Context(), method, path, body)
		if err != nil {
			c.t.Error(err)
		}
		answered <- got
	}()
	return answered
}

func (c *client) try(ctx context.Context, method, path string, body any, headers ...string) (answer, error) {
	var payload io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		payload = bytes.NewReader([]byte(body))
	default:
		data, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		payload = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, payload)
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.raw, err = readAndClose(resp.Body); err != nil {
		return answer{}, err
	}
	return a, json.Unmarshal(a.raw, &a.object)
}

// want fails the test unless the response has that status and, if it is a problem, that code.
func (a answer) want(t testing.TB, status int, code string) answer {
	t.Helper()
	if got, _ := a.object["code"].(string); a.status != status || got != code {
		t.Fatalf("got %d %q, want %d %q: %s", a.status, got, status, code, a.raw)
	}
	return a
}

func (c *client) read() answer {
	c.t.Helper()
	return c.call(http.MethodGet, "/smtp", nil).want(c.t, http.StatusOK, "")
}

// etag returns the If-Match value of the site's current revision.
func (c *client) etag() string {
	c.t.Helper()
	return `"` + c.read().object["revision"].(string) + `"`
}

// put saves with the current revision.
func (c *client) put(body object) answer {
	c.t.Helper()
	return c.call(http.MethodPut, "/smtp", withID(body), "If-Match", c.etag())
}

func withID(body object) object {
	if body["write_id"] == nil {
		body["write_id"] = uuid.NewString()
	}
	return body
}

// test runs a test with a new key.
func (c *client) test(body object) answer {
	c.t.Helper()
	return c.call(http.MethodPut, "/smtp/tests/"+uuid.NewString(), body)
}

// enable tests the settings and saves them enabled.
func (w *testbed) enable(c *client, changes object) answer {
	w.t.Helper()
	settings := w.settings(changes)
	request, save := object{"settings": settings, "recipient": recipient}, object{"settings": settings, "enabled": true}
	if settings["username"] != "" {
		request["password"], save["password"] = w.password, w.password
	}
	if got := c.test(request).want(w.t, http.StatusOK, ""); got.object["status"] != "passed" {
		w.t.Fatalf("the test did not pass: %s", got.raw)
	}
	return c.put(save).want(w.t, http.StatusOK, "")
}

// logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// Reset discards what was written.
func (l *logBuffer) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
