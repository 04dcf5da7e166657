package cases_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
)

const clientSecret = "client-canary-7f3a~/+"

// tokenCase is one fault of a token endpoint, which strikes a change at a site whose mail is on.
type tokenCase struct {
	name string
	// answer replaces the endpoint's response; nil if arrange causes the fault, or if there is none.
	answer  http.HandlerFunc
	arrange func(w *testbed)
	// at is the stage at which the test must fail, and says what the error must contain.
	at   site.Stage
	says string
	// patient is set if the run tests again after pauses, some minutes long.
	patient bool
}

// application is the application of the cases, without a fault.
var application = oauthtest.App{Secret: secret.New(clientSecret), Mailboxes: []string{mailbox}}

func (w *testbed) changeApp(change func(*oauthtest.App)) {
	app := application
	change(&app)
	w.tokens.SetApp("app", app)
}

func saying(status int, mediaType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

var tokenCases = []tokenCase{
	{name: "Silence", answer: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, at: site.StageToken, says: "deadline exceeded"},
	{name: "HalfAnswer", answer: func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"access_token":`)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}, at: site.StageToken, says: "deadline exceeded"},
	{name: "Dripping", answer: func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(time.Second):
			}
		}
	}, at: site.StageToken, says: "deadline exceeded"},
	{name: "Cut", answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, at: site.StageToken, says: "EOF"},
	{name: "Endless", answer: func(w http.ResponseWriter, r *http.Request) {
		for piece := strings.Repeat(" ", 4<<10); r.Context().Err() == nil; {
			if _, err := io.WriteString(w, piece); err != nil {
				return
			}
		}
	}, at: site.StageToken, says: "more than 65536 bytes"},
	{name: "Redirect", answer: func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+elsewhereAt+"/token", http.StatusTemporaryRedirect)
	}, at: site.StageToken, says: "a redirect, which is not followed"},
	{name: "Page", answer: saying(http.StatusOK, "text/html", "<h1>Sign in</h1>"), at: site.StageToken, says: "not the JSON of a token endpoint, but text/html"},
	{name: "Down", answer: saying(http.StatusServiceUnavailable, "application/json", `{"error":"temporarily_unavailable"}`), at: site.StageToken, says: "503 temporarily_unavailable"},
	{name: "Throttled", answer: saying(http.StatusTooManyRequests, "text/plain", "slow down"), at: site.StageToken, says: "answered 429", patient: true},
	{name: "NoToken", answer: saying(http.StatusOK, "application/json", `{}`), at: site.StageToken, says: "no access token that can be used"},
	{name: "TokenThatBreaksTheLogin", answer: saying(http.StatusOK, "application/json", `{"access_token":"a\u0001\u0001\r\nRSET"}`), at: site.StageToken, says: "no access token that can be used"},
	{name: "HostileErrorText", answer: saying(http.StatusBadRequest, "application/json", `{"error":"\u001b[2J","error_description":"\u202e`+clientSecret+`\r\nResult  saved"}`), at: site.StageToken, says: "answered 400"},
	{name: "TokenOfAnotherMailbox", answer: saying(http.StatusOK, "application/json", `{"access_token":"eyJhbGciOiJFUzI1NiJ9.e30.AAAA"}`), at: site.StageAuth, says: "535"},
	{name: "ExpiredToken", arrange: func(w *testbed) { w.changeApp(func(a *oauthtest.App) { a.Lifetime = -time.Minute }) }, at: site.StageAuth, says: "535"},
	{name: "RevokedSecret", arrange: func(w *testbed) { w.changeApp(func(a *oauthtest.App) { a.Secret = secret.New("another") }) }, at: site.StageToken, says: "AADSTS7000215"},
	{name: "MailboxAccessRevoked", arrange: func(w *testbed) { w.changeApp(func(a *oauthtest.App) { a.Mailboxes = nil }) }, at: site.StageAuth, says: "535"},
}

// tokenLogin are the arguments of a login with a token.
func (w *testbed) tokenLogin(grant, name string, value any) arguments {
	return arguments{"password_wo": nil, "password_wo_version": nil, "oauth2": arguments{
		"grant": grant, "token_url": w.tokens.URL(), "client_id": "app", name: value, name + "_version": "1",
		"scopes": []tftypes.Value{tftypes.NewValue(tftypes.String, oauthtest.Scope)},
	}}
}

// TestR59TokenEndpoint: whatever a token endpoint does, the run ends in time and says why, the site's mail stays on unchanged, no other
// server receives the secret, and the next run makes the change.
func TestR59TokenEndpoint(t *testing.T) {
	for _, c := range tokenCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, c.run)
		})
	}
}

func (c tokenCase) run(t *testing.T) {
	w := newTestbed(t, build{tokens: true})
	w.tokens.SetApp("app", application)
	login := w.tokenLogin("client_credentials", "client_secret_wo", clientSecret)
	if r := w.apply(w.configuration(siteKey, login)); r.failed() {
		t.Fatalf("setup failed: %s", told(r.errors))
	}
	wanted := w.configuration(siteKey, login, arguments{"from_name": "Client A"})
	before, sent := w.held(), w.messages()
	w.proxy.Calls()
	if c.arrange != nil {
		c.arrange(w)
	}
	w.tokens.Answer(c.answer)
	start := time.Now()
	got := w.apply(wanted)
	longest, most := 30*time.Second, 1
	if c.patient {
		longest, most = 5*time.Minute, 8
	}
	if took := time.Since(start); took > longest {
		t.Errorf("the run took %s", took)
	}
	seen := w.proxy.Calls()
	w.checkCalls(seen, most)
	if result := w.result(seen); result.Status != site.Failed || result.Stage != c.at {
		t.Errorf("the test ended as %s at %s: %s", result.Status, result.Stage, result.Error)
	}
	if len(got.errors) != 1 || !strings.Contains(strings.Join(strings.Fields(got.errors[0].Detail), " "), c.says) {
		t.Errorf("the error does not say %q: %s", c.says, told(got.errors))
	}
	if text := told(got.errors); strings.ContainsAny(text, "\x1b\x00\r\u202e") {
		t.Errorf("the error holds control characters: %q", text)
	}
	if now := w.held(); now.Revision != before.Revision || !now.Enabled || w.messages() != sent {
		t.Errorf("I7: the test failed, %d messages were sent, and the site holds %+v", w.messages()-sent, now)
	}
	w.tokens.Answer(nil)
	w.tokens.SetApp("app", application)
	w.converge(wanted, got, sent)
	w.checkSecrets()
}

// TestClockOfTheSite: a service account signs with the site's clock. A few seconds ahead do not matter; if it is minutes ahead, the error
// says by how much.
func TestClockOfTheSite(t *testing.T) {
	account, key, err := oauthtest.Account(mailbox)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		ahead time.Duration
		says  string
	}{
		"RightClock":       {},
		"SomeSecondsAhead": {ahead: 50 * time.Second},
		"SomeMinutesSlow":  {ahead: -4 * time.Minute},
		"MinutesAhead":     {ahead: 20 * time.Minute, says: "20m0s ahead of the endpoint's"},
		"MinutesSlow":      {ahead: -20 * time.Minute, says: "20m0s behind the endpoint's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newTestbed(t, build{tokens: true, ahead: c.ahead})
				w.tokens.SetApp("app", account)
				got := w.apply(w.configuration(siteKey, w.tokenLogin("jwt_bearer", "private_key_wo", key.Reveal())))
				switch text := strings.Join(strings.Fields(told(got.errors)), " "); {
				case c.says == "" && (got.failed() || !w.held().Enabled):
					t.Errorf("the run failed: %s", text)
				case c.says != "" && (!strings.Contains(text, c.says) || !w.held().Settings.IsZero()):
					t.Errorf("the error does not say %q: %s", c.says, text)
				}
				w.checkSecrets()
			})
		})
	}
}
