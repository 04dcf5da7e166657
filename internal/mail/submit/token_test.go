package submit_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/emersion/go-sasl"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/leaktest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

const (
	clientID     = "6731de76-14a6-49ae-97bc-6eba6914391e"
	clientSecret = "Client+Secret/7f3a~canary"
)

// startWithTokens starts a token endpoint, a mail server that believes its tokens, and a candidate that fits.
func startWithTokens(t *testing.T, config smtptest.Config) (*oauthtest.Server, *smtptest.Server, *submit.Sender, site.Candidate) {
	t.Helper()
	tokens := oauthtest.Start(t)
	tokens.SetApp(clientID, oauthtest.App{Secret: secret.New(clientSecret), Mailboxes: []string{user}})
	config.CheckToken = tokens.Check
	config.Encryption = site.STARTTLS
	mail := smtptest.Start(t, config)
	c := candidate(mail.Host(), mail.Port(), site.STARTTLS)
	c.Settings.Grant, c.Settings.TokenURL, c.Settings.ClientID, c.Settings.Scopes = site.ClientCredentials, tokens.URL(), clientID, oauthtest.Scope
	c.Password = secret.New(clientSecret)
	return tokens, mail, &submit.Sender{RootCAs: mail.RootCAs()}, c
}

// leaksToken reports where a result shows the client secret or one of the tokens.
func leaksToken(t *testing.T, tokens *oauthtest.Server, r site.TestResult) {
	t.Helper()
	secrets := map[string]string{"client secret": clientSecret}
	for _, token := range tokens.Tokens() {
		secrets["token"] = token.Reveal()
	}
	shown, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, leak := range leaktest.New(secrets).Find(shown) {
		t.Errorf("found %s in %s", leak, shown)
	}
}

func TestLoginWithToken(t *testing.T) {
	for name, mechanisms := range map[string][]string{
		"Both":        nil,
		"Microsoft":   {sasl.Login, "XOAUTH2"},
		"OAUTHBEARER": {sasl.OAuthBearer, sasl.Plain},
	} {
		t.Run(name, func(t *testing.T) {
			tokens, mail, sender, c := startWithTokens(t, smtptest.Config{Mechanisms: mechanisms})
			for range 2 {
				r := sender.Send(t.Context(), c, recipient)
				if r.Status != site.Passed || r.Stages[0].Stage != site.StageToken || r.Stages[1].Stage == site.StageToken {
					t.Fatalf("got %+v, reply %v", r, r.Reply)
				}
				leaksToken(t, tokens, r)
			}
			if got := mail.Messages()[0].User; got != user {
				t.Errorf("got username %q", got)
			}
			// A token that was kept would hide that its secret was revoked.
			asked := oauthtest.Request{Grant: "client_credentials", ClientID: clientID, Scope: oauthtest.Scope}
			if got := tokens.Requests(); len(got) != 2 || !got[0].Secret.Equal(c.Password) || got[0].Grant != asked.Grant || got[0].Scope != asked.Scope {
				t.Errorf("the endpoint was asked %+v", got)
			}
		})
	}
}

func TestRefusedSecretReachesNoMailServer(t *testing.T) {
	tokens, mail, sender, c := startWithTokens(t, smtptest.Config{})
	c.Password = secret.New("the secret's id")
	r := sender.Send(t.Context(), c, recipient)
	const want = "token endpoint answered 401 invalid_client: AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is " +
		"the client secret value, not the client secret ID. (Correlation ID 00000000-0000-4000-8000-000000000002)"
	if r.Status != site.Failed || r.Stage != site.StageToken || r.Reply != nil || r.Error != want || len(r.Stages) != 0 {
		t.Errorf("got %+v", r)
	}
	if got := mail.Counters(); got != (smtptest.Counters{}) {
		t.Errorf("the mail server saw %+v", got)
	}
	if got := len(tokens.Requests()); got != 1 {
		t.Errorf("got %d token requests, want 1", got)
	}
}

// TestMissingMailboxPermission: a good token of an application that may not use the mailbox. Google's challenge of JSON, which
// go-sasl's client answers with a cancellation, and the refusal after it both arrive.
func TestMissingMailboxPermission(t *testing.T) {
	for _, mechanism := range []string{"XOAUTH2", sasl.OAuthBearer} {
		t.Run(mechanism, func(t *testing.T) {
			tokens, mail, sender, c := startWithTokens(t, smtptest.Config{Mechanisms: []string{mechanism}})
			tokens.SetApp(clientID, oauthtest.App{Secret: c.Password})
			r := sender.Send(t.Context(), c, recipient)
			if r.Status != site.Failed || r.Stage != site.StageAuth || r.Reply == nil || r.Reply.Code != 535 || r.Error != smtptest.TokenRefusal {
				t.Errorf("got %+v, reply %v", r, r.Reply)
			}
			leaksToken(t, tokens, r)
			if got := mail.Counters().Logins; got != 1 {
				t.Errorf("got %d logins, want 1", got)
			}
		})
	}
}

// TestMicrosoftRefusesWithoutChallenge: the 535 comes at once.
func TestMicrosoftRefusesWithoutChallenge(t *testing.T) {
	_, _, sender, c := startWithTokens(t, smtptest.Config{Faults: smtptest.Faults{}})
	s := smtptest.StartScript(t, offering(func(p *smtptest.Peer) {
		p.Answer("334 ", "535 5.7.3 Authentication unsuccessful [AM0PR01CA0001.example.test]", "221 bye")
	}, "250 AUTH LOGIN XOAUTH2"))
	c.Settings.Host, c.Settings.Port, c.Settings.Encryption = s.Host(), s.Port(), site.NoEncryption
	r := sender.Login(t.Context(), c)
	if r.Stage != site.StageAuth || r.Reply == nil || r.Reply.EnhancedCode != "5.7.3" || r.Error != "" {
		t.Errorf("got %+v, reply %v", r, r.Reply)
	}
	got := said(s)
	response, err := base64.StdEncoding.DecodeString(got[1])
	if err != nil || got[0] != "AUTH XOAUTH2" || got[2] != "QUIT" {
		t.Fatalf("the client sent %q, %v", got, err)
	}
	if text := string(response); !strings.HasPrefix(text, "user="+user+"\x01auth=Bearer ey") || !strings.HasSuffix(text, "\x01\x01") {
		t.Errorf("the client answered %q", text)
	}
}

// TestRefusedTokenEndsWithQUIT: the server says why in a challenge, refuses, and still listens.
func TestRefusedTokenEndsWithQUIT(t *testing.T) {
	_, _, sender, c := startWithTokens(t, smtptest.Config{})
	s := smtptest.StartScript(t, offering(func(p *smtptest.Peer) {
		p.Answer("334 ", "334 "+base64.StdEncoding.EncodeToString([]byte(`{"status":"400"}`)), "535 5.7.8 no", "221 bye")
	}, "250 AUTH XOAUTH2"))
	c.Settings.Host, c.Settings.Port, c.Settings.Encryption = s.Host(), s.Port(), site.NoEncryption
	if r := sender.Login(t.Context(), c); r.Reply == nil || r.Reply.Code != 535 || r.Error != `{"status":"400"}` {
		t.Errorf("got %+v, reply %v", r, r.Reply)
	}
	if got := said(s); got[len(got)-1] != "QUIT" {
		t.Errorf("the client sent %q", got)
	}
}

func TestServerWithoutTokens(t *testing.T) {
	_, _, sender, c := startWithTokens(t, smtptest.Config{Users: map[string]secret.Text{user: secret.New(canary)}, Mechanisms: []string{sasl.Plain, sasl.Login}})
	r := sender.Login(t.Context(), c)
	if r.Stage != site.StageAuth || r.Error != "server offers no login with a token, only PLAIN LOGIN" {
		t.Errorf("got %+v", r)
	}
}

// TestR28EchoedTokensAreRedacted: a mail server that repeats the token, and a token endpoint that repeats the secret.
func TestR28EchoedTokensAreRedacted(t *testing.T) {
	tokens, _, sender, c := startWithTokens(t, smtptest.Config{})
	echo := smtptest.StartScript(t, offering(func(p *smtptest.Peer) {
		p.Answer("334 ")
		line, _ := p.Hear()
		response, _ := base64.StdEncoding.DecodeString(line)
		p.Say("535-5.7.8 " + line[:len(line)/2] + line[len(line)/2:])
		p.Say("535 5.7.8 " + string(response) + " is not right")
		p.Wait()
	}, "250 AUTH XOAUTH2"))
	mailServer := c
	mailServer.Settings.Host, mailServer.Settings.Port, mailServer.Settings.Encryption = echo.Host(), echo.Port(), site.NoEncryption
	r := sender.Login(t.Context(), mailServer)
	if r.Reply == nil || !strings.HasSuffix(r.Reply.Text, " is not right") {
		t.Errorf("got %+v, reply %v", r, r.Reply)
	}
	leaksToken(t, tokens, r)
	tokens.Answer(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_client","error_description":"wrong: ` + r.PostForm.Encode() + ` and ` + r.PostFormValue("client_secret") + `"}`))
	})
	r = sender.Login(t.Context(), c)
	if !strings.Contains(r.Error, "[redacted]") {
		t.Errorf("got %+v", r)
	}
	leaksToken(t, tokens, r)
}

// TestIncompleteTokenSettings dials nothing.
func TestIncompleteTokenSettings(t *testing.T) {
	tokens, mail, sender, good := startWithTokens(t, smtptest.Config{})
	for field, spoil := range map[string]func(*site.Candidate){
		"grant":     func(c *site.Candidate) { c.Settings.Grant = "password" },
		"token_url": func(c *site.Candidate) { c.Settings.TokenURL = "http://login.example.test/token" },
		"client_id": func(c *site.Candidate) { c.Settings.ClientID = "" },
		"scopes":    func(c *site.Candidate) { c.Settings.Scopes = "b a" },
		"password":  func(c *site.Candidate) { c.Password = secret.Text{} },
	} {
		c := good
		spoil(&c)
		r := sender.Login(t.Context(), c)
		if r.Status != site.Failed || !strings.HasPrefix(r.Error, field+": ") {
			t.Errorf("%s: got %+v", field, r)
		}
	}
	c := good
	c.Settings.Grant = ""
	if r := sender.Login(t.Context(), c); !strings.HasPrefix(r.Error, "grant: is missing") {
		t.Errorf("got %+v", r)
	}
	if len(tokens.Requests()) != 0 || mail.Counters() != (smtptest.Counters{}) {
		t.Errorf("got token requests %+v and connections %+v, want none", tokens.Requests(), mail.Counters())
	}
}

// TestTokenEndpointIsDialledUnderTheSameRules as the mail server.
func TestTokenEndpointIsDialledUnderTheSameRules(t *testing.T) {
	tokens, _, sender, c := startWithTokens(t, smtptest.Config{})
	var dialled []string
	sender.Control = func(_, address string, _ syscall.RawConn) error {
		dialled = append(dialled, address)
		return errors.New("address is not public")
	}
	r := sender.Send(t.Context(), c, recipient)
	if r.Stage != site.StageToken || !strings.Contains(r.Error, "address is not public") || len(tokens.Requests()) != 0 {
		t.Errorf("got %+v", r)
	}
	if !slices.Equal(dialled, []string{strings.TrimSuffix(strings.TrimPrefix(tokens.URL(), "http://"), "/token")}) {
		t.Errorf("dialled %q", dialled)
	}
}

// TestAddressOfTheTokenEndpointIsHidden where that of the mail server is.
func TestAddressOfTheTokenEndpointIsHidden(t *testing.T) {
	_, _, sender, c := startWithTokens(t, smtptest.Config{})
	closed := "localhost:" + closedPort(t)
	sender.HideAddresses = true
	c.Settings.TokenURL = "http://" + closed + "/token"
	want := `Post "http://` + closed + `/token": dial tcp ` + closed + `: connect: connection refused`
	if r := sender.Login(t.Context(), c); r.Stage != site.StageToken || r.Error != want {
		t.Errorf("got %+v, want %s", r, want)
	}
}

// TestEchoedTokenIsRedacted: a mail server that repeats the login, as it came and decoded, shows no part of the token.
func TestEchoedTokenIsRedacted(t *testing.T) {
	tokens, _, _, c := startWithTokens(t, smtptest.Config{})
	echo := smtptest.StartScript(t, leaktest.RepeatLogin)
	c.Settings.Host, c.Settings.Port, c.Settings.Encryption = echo.Host(), echo.Port(), site.NoEncryption
	r := (&submit.Sender{}).Send(t.Context(), c, recipient)
	if r.Stage != site.StageAuth || r.Reply == nil || !strings.Contains(r.Reply.Text, "auth=Bearer [redacted]") {
		t.Errorf("got %+v, reply %v", r, r.Reply)
	}
	leaksToken(t, tokens, r)
}
