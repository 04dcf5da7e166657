package page_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/html"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// session returns the value of the window's session cookie.
func (b *window) session() string {
	b.t.Helper()
	at, err := url.Parse(b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(at) {
		if c.Name == "session-client-a" {
			return c.Value
		}
	}
	return ""
}

func (b *window) present(session string) {
	b.t.Helper()
	at, err := url.Parse(b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	b.client.Jar.SetCookies(at, []*http.Cookie{{Name: "session-client-a", Value: session, Path: "/"}})
}

func TestR44Session(t *testing.T) {
	w := start(t)
	b := w.loggedIn()
	first := b.session()
	t.Run("EachLoginCreatesANewSession", func(t *testing.T) {
		form := url.Values{"username": {"admin"}, "password": {w.password}}
		b.send(http.MethodPost, "/login", form)
		if b.session() == first || b.session() == "" {
			t.Error("a login reused the session")
		}
		old := w.window()
		old.present(first)
		old.get("")
		if old.byID("state") != nil {
			t.Error("the session from before the login is still valid")
		}
	})
	t.Run("RejectsPlantedSession", func(t *testing.T) {
		victim := w.window()
		victim.present("planted")
		victim.get("")
		victim.submit("/login", url.Values{"username": {"admin"}, "password": {w.password}})
		if victim.session() == "planted" || victim.byID("state") == nil {
			t.Errorf("got %d", victim.status)
		}
	})
	t.Run("LogoutEndsTheSession", func(t *testing.T) {
		stolen := w.window()
		stolen.present(b.session())
		stolen.get("")
		if stolen.byID("state") == nil {
			t.Fatal("the copied cookie opened no session")
		}
		b.submit("/logout", nil)
		stolen.get("")
		if stolen.byID("state") != nil || !strings.Contains(b.text, "You are logged out.") {
			t.Error("the session is still valid after the logout")
		}
	})
	t.Run("Expires", func(t *testing.T) {
		b := w.loggedIn()
		w.ahead.Store(int64(time.Hour))
		b.submit("/save", w.settings())
		if b.status != http.StatusUnauthorized || !strings.Contains(b.text, "Your session has ended. Nothing was changed") || w.state().Revision != "0" {
			t.Errorf("got %d %s", b.status, b.text)
		}
		if login := b.field("username"); login != "" {
			t.Errorf("the login form shows the username of the mail server, %q", login)
		}
		b.submit("/login", url.Values{"username": {"admin"}, "password": {"mistyped"}})
		if b.find(func(n *html.Node) bool { return attribute(n, "class") == "notice bad" }) == nil {
			t.Error("a refused login does not look like an error")
		}
		if login := b.field("username"); login != "admin" {
			t.Errorf("after a mistyped password, the login form shows username %q, want admin", login)
		}
	})
}

func TestSessionIsValidForOneSite(t *testing.T) {
	w := start(t)
	if _, err := w.server.AddSite("client-b"); err != nil {
		t.Fatal(err)
	}
	b := w.loggedIn()
	b.url = strings.Replace(w.url, "client-a", "client-b", 1)
	b.get("")
	if b.byID("state") != nil {
		t.Error("the session of one site opens another site")
	}
}

func TestAPITokenOpensNoSession(t *testing.T) {
	w := start(t)
	token, err := w.server.ResetToken("client-a")
	if err != nil {
		t.Fatal(err)
	}
	b := w.window()
	b.present(token.Reveal())
	b.get("")
	if b.byID("state") != nil {
		t.Error("an API token opens the page")
	}
}

func TestR44Cookie(t *testing.T) {
	w := start(t)
	for name, c := range map[string]struct {
		tls  *tls.ConnectionState
		want []string
	}{
		"OverHTTPS": {&tls.ConnectionState{}, []string{"__Host-session-client-a=", "Path=/", "HttpOnly", "Secure", "SameSite=Strict", "Expires="}},
		"OverHTTP":  {nil, []string{"session-client-a=", "Path=/", "HttpOnly", "SameSite=Strict"}},
	} {
		t.Run(name, func(t *testing.T) {
			form := url.Values{"username": {"admin"}, "password": {w.password}}
			r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/client-a/admin/login", strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.TLS = c.tls
			got := httptest.NewRecorder()
			w.server.Handler().ServeHTTP(got, r)
			cookie := got.Header().Get("Set-Cookie")
			for _, part := range c.want {
				if !strings.Contains(cookie, part) {
					t.Errorf("%q lacks %s", cookie, part)
				}
			}
			if !strings.HasPrefix(cookie, c.want[0]) || strings.Contains(cookie, "Domain") {
				t.Errorf("got %q", cookie)
			}
		})
	}
}

func TestR41FormsOfOtherSitesAreRefused(t *testing.T) {
	w := start(t)
	b := w.loggedIn()
	before := w.state().Revision
	form := w.settings()
	form.Set("revision", before)
	w.apply(func(*site.Settings) {})
	before = w.state().Revision
	steps := map[string]bool{}
	for _, shown := range []*window{w.window(), b} {
		shown.get("")
		for n := range shown.doc.Descendants() {
			if n.Data == "form" && strings.EqualFold(attribute(n, "method"), "post") {
				_, step, _ := strings.Cut(strings.TrimSuffix(attribute(n, "action"), "#outcome"), "/admin")
				steps[step] = true
			}
		}
	}
	if len(steps) < 5 {
		t.Errorf("found only the forms %v", steps)
	}
	for step := range steps {
		for _, headers := range [][]string{
			{"Sec-Fetch-Site", "cross-site"},
			{"Sec-Fetch-Site", "same-site"},
			{"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
			{"Sec-Fetch-Site", "", "Origin", "null"},
		} {
			b.send(http.MethodPost, step, form, headers...)
			if b.status != http.StatusForbidden {
				t.Errorf("%s %v: %d", step, headers, b.status)
			}
		}
	}
	b.get("")
	if w.state().Revision != before || b.byID("state") == nil {
		t.Error("a forged request changed something or ended the session")
	}
}

func TestHosts(t *testing.T) {
	w := start(t, func(c *refsite.Config) { c.Hosts = []string{"Mail.example.com"} })
	b := w.window()
	for host, want := range map[string]int{
		"127.0.0.1:8080": 200, "[::1]:8080": 200, "[::1]": 200, "localhost": 200, "LOCALHOST:1": 200, "a.localhost": 200,
		"mail.example.com": 200, "mail.example.com:443": 200, "MAIL.example.com.": 200,
		"evil.example": 421, "mail.example.com.evil.example": 421, "xmail.example.com": 421, "localhost.evil.example": 421,
	} {
		b.send(http.MethodGet, "", nil, "Host", host)
		if b.status != want {
			t.Errorf("%s: %d", host, b.status)
		}
	}
}

func TestR42Guessing(t *testing.T) {
	w := start(t)
	var hashed, refused atomic.Int64
	var all sync.WaitGroup
	windows := make([]*window, 30)
	for i := range windows {
		windows[i] = w.window()
		all.Go(func() {
			b := windows[i]
			b.send(http.MethodPost, "/login", url.Values{"username": {"admin"}, "password": {"wrong"}})
			switch b.status {
			case http.StatusUnauthorized:
				hashed.Add(1)
			case http.StatusTooManyRequests:
				refused.Add(1)
			}
		})
	}
	all.Wait()
	if hashed.Load() != 10 || refused.Load() != 20 {
		t.Errorf("checked %d guesses and refused %d, want 10 and 20", hashed.Load(), refused.Load())
	}
	b := w.window()
	b.send(http.MethodPost, "/login", url.Values{"username": {"admin"}, "password": {w.password}})
	if !strings.Contains(b.text, "Too many attempts to log in. Try again in 10 minutes.") || strings.Contains(b.text, w.password) {
		t.Errorf("got %s", b.text)
	}
}

func TestR47HugeCredentials(t *testing.T) {
	w := start(t)
	for field, want := range map[string]string{
		"username": "Username must have from 1 to 255 characters.", "password": "Password must have from 1 to 1024 characters.",
	} {
		for _, value := range []string{"", strings.Repeat("x", 60_000)} {
			form := url.Values{"username": {"admin"}, "password": {w.password}}
			form.Set(field, value)
			b := w.window()
			b.send(http.MethodPost, "/login", form)
			if b.status != http.StatusUnprocessableEntity || !strings.Contains(b.text, want) || b.session() != "" {
				t.Errorf("%s of %d: %d %s", field, len(value), b.status, b.text)
			}
		}
	}
}

func TestR46HostileText(t *testing.T) {
	const attack = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	w := start(t)
	w.mail.SetFaults(smtptest.Faults{MailErr: &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: attack}})
	b := w.loggedIn()
	entries := w.settings()
	entries.Set("host", attack)
	b.submit("/save", entries)
	if strings.Contains(b.text, "<script>alert") || b.field("host") != attack {
		t.Errorf("got %s", b.text)
	}
	b.submit("/save", w.settings())
	b.submit("/test", url.Values{"recipient": {recipient}, "password": {mailPassword}})
	b.want("outcome", "alert(1)")
	if strings.Contains(b.text, "<script>alert") || strings.Contains(b.text, "<img") {
		t.Errorf("got %s", b.text)
	}
	policy := b.header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("policy: %s", policy)
	}
	if b.header.Get("Cache-Control") != "no-store" || b.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("got %v", b.header)
	}
	// The page must show everything that a client of the contract may save.
	w.apply(func(s *site.Settings) { s.Username, s.FromName = attack, `" autofocus onfocus="alert(1)` })
	b.get("")
	if strings.Contains(b.text, "<script>alert") || b.field("username") != attack || b.field("from_name") != `" autofocus onfocus="alert(1)` || has(b.byID("from_name"), "onfocus") {
		t.Errorf("got %s", b.text)
	}
	b.get("?q=" + url.QueryEscape(attack))
	if strings.Contains(b.text, "<script>alert") || b.field("q") != attack {
		t.Errorf("got %s", b.text)
	}
}

func TestR47HugeForm(t *testing.T) {
	w := start(t)
	b := w.loggedIn()
	b.send(http.MethodPost, "/save", url.Values{"host": {strings.Repeat("x", 70_000)}})
	if b.status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d, want %d", b.status, http.StatusRequestEntityTooLarge)
	}
}

// A password typed for one server must not be sent to a server that someone else has saved in the meantime.
func TestR1APasswordGoesOnlyWhereItWasEnteredFor(t *testing.T) {
	w := start(t)
	b := w.loggedIn()
	b.submit("/save", w.settings())
	trap := smtptest.Start(t, smtptest.Config{Users: map[string]secret.Text{mailer: secret.New("x")}})
	w.apply(func(s *site.Settings) { s.Host, s.Port = trap.Host(), trap.Port() })
	b.submit("/test", url.Values{"recipient": {recipient}, "password": {mailPassword}})
	b.want("notice", "“terraform” changed this site")
	if n := trap.Counters().Connections + w.mail.Counters().Connections; n != 0 {
		t.Errorf("got %d connections, want 0", n)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	w := start(t)
	b := w.window()
	b.url = strings.Replace(w.url, "client-a", "client-x", 1)
	b.get("")
	if b.status != http.StatusNotFound || !strings.Contains(b.text, "There is no such site.") {
		t.Errorf("got %d %s", b.status, b.text)
	}
	b.url = w.url
	b.get("/save")
	if b.status != http.StatusOK || b.byID("username") == nil {
		t.Errorf("the URL of a step does not lead back to the page: status %d", b.status)
	}
	b.send(http.MethodDelete, "", nil)
	if b.status != http.StatusMethodNotAllowed {
		t.Errorf("got %d, want %d", b.status, http.StatusMethodNotAllowed)
	}
	for name, media := range map[string]string{"style.css": "text/css", "page.js": "text/javascript"} {
		b.get("/" + name)
		if !strings.HasPrefix(b.header.Get("Content-Type"), media) || !strings.Contains(b.header.Get("Cache-Control"), "immutable") {
			t.Errorf("got %v", b.header)
		}
	}
}
