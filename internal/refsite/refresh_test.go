package refsite_test

import (
	"bytes"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
)

// refreshWorld is a tokenWorld whose application's refresh tokens are replaced at every use.
type refreshWorld struct {
	tokenWorld
	token string
}

func startWithRefreshTokens(t *testing.T, change ...func(*refsite.Config)) refreshWorld {
	t.Helper()
	w := refreshWorld{tokenWorld: startWithTokens(t, change...)}
	w.allow(true)
	w.token = w.tokens.Consent("app", mailer).Reveal()
	return w
}

func (w refreshWorld) allow(rotates bool) {
	w.tokens.SetApp("app", oauthtest.App{Secret: secret.New(clientSecret), Mailboxes: []string{mailer}, Rotates: rotates})
}

// body returns a request with the settings and both secrets.
func (w refreshWorld) body(more object) object {
	b := object{"settings": w.settings(object{"grant": "refresh_token"}), "password": w.token, "client_secret": clientSecret}
	maps.Copy(b, more)
	return b
}

func (w refreshWorld) passes(c *client, body object) {
	w.t.Helper()
	if got := c.test(body).want(w.t, http.StatusOK, ""); got.object["status"] != "passed" {
		w.t.Fatalf("got %s", got.raw)
	}
}

// TestR60RefreshTokenThatRotates: tests do not invalidate the token that is saved later, and no token is shown.
func TestR60RefreshTokenThatRotates(t *testing.T) {
	w := startWithRefreshTokens(t)
	c := w.site("client-a")
	tried := w.body(object{"recipient": recipient})
	w.passes(c, tried)
	w.passes(c, tried) // the token in the request is no longer valid: its successor is used
	saved := c.put(w.body(object{"enabled": true})).want(t, http.StatusOK, "")
	w.passes(c, object{"recipient": recipient})
	w.restart(func() {})
	w.passes(c, object{"recipient": recipient})
	w.passes(c, tried)
	equal(t, c.read().object["password_id"], saved.object["password_id"])
	equal(t, c.read().object["revision"], saved.object["revision"])
	if got := c.read().object; got["enabled"] != true {
		t.Errorf("got %s", c.read().raw)
	}
	used := map[string]bool{}
	for _, asked := range w.tokens.Requests() {
		token := asked.RefreshToken.Reveal()
		if used[token] {
			t.Error("a refresh token was used twice")
		}
		used[token] = true
		if strings.Contains(w.log.String(), token) || bytes.Contains(saved.raw, []byte(token)) {
			t.Error("I8: the log or a response shows a refresh token")
		}
	}
	data, err := os.ReadFile(w.config.DataFile)
	if err != nil {
		t.Fatal(err)
	}
	for token := range used {
		if bytes.Contains(data, []byte(token)) {
			t.Error("I8: the data file holds a refresh token in plain text")
		}
	}
}

// TestR59SuccessorStaysWithWhatWasEntered: a successor is used only if the refresh token that was entered is known, and is sent only to
// the endpoint it was entered for.
func TestR59SuccessorStaysWithWhatWasEntered(t *testing.T) {
	w := startWithRefreshTokens(t)
	c := w.site("client-a")
	w.passes(c, w.body(object{"recipient": recipient}))
	c.put(w.body(object{"enabled": true})).want(t, http.StatusOK, "")
	asked := len(w.tokens.Requests())
	trap := oauthtest.Start(t)
	elsewhere := w.settings(object{"grant": "refresh_token", "token_url": trap.URL()})
	for _, enabled := range []bool{false, true} {
		c.put(object{"settings": elsewhere, "enabled": enabled}).want(t, http.StatusUnprocessableEntity, "password_required")
	}
	c.test(object{"settings": elsewhere, "password": w.token, "client_secret": clientSecret, "recipient": recipient}).want(t, http.StatusOK, "")
	if got := trap.Requests(); len(got) != 1 || got[0].RefreshToken.Reveal() != w.token {
		t.Errorf("R2: the other token endpoint got %+v", got)
	}
	got := c.test(w.body(object{"password": "another", "recipient": recipient})).want(t, http.StatusOK, "")
	if last := w.tokens.Requests()[asked:]; got.object["stage"] != "token" || len(last) != 1 || last[0].RefreshToken.Reveal() != "another" {
		t.Errorf("got %s", got.raw)
	}
	other := w.site("client-b")
	if got := other.test(w.body(object{"recipient": recipient})).want(t, http.StatusOK, ""); got.object["stage"] != "token" {
		t.Errorf("another site used the rotated refresh token: %s", got.raw)
	}
}

// TestSuccessorsOutliveARotationOfTheKey: saved tokens keep working without the old key; tested tokens keep working until it is removed.
func TestSuccessorsOutliveARotationOfTheKey(t *testing.T) {
	w := startWithRefreshTokens(t, func(c *refsite.Config) { c.Keys = parseKeys(t, first) })
	c, other := w.site("client-a"), w.site("client-b")
	tried := w.body(object{"recipient": recipient})
	w.passes(c, tried)
	c.put(w.body(object{"enabled": true})).want(t, http.StatusOK, "")
	candidate := w.body(object{"recipient": recipient, "password": w.tokens.Consent("app", mailer).Reveal()})
	w.passes(other, candidate)

	w.config.Keys = parseKeys(t, first, second)
	w.restart(func() {})
	w.passes(other, candidate)
	w.pass(24*time.Hour + time.Minute)
	w.config.Keys = parseKeys(t, second)
	w.restart(func() {})
	for _, body := range []object{{"recipient": recipient}, tried} {
		// The mail server's certificate has expired by now; the token endpoint uses no certificate.
		if got := c.test(body).want(t, http.StatusOK, ""); got.object["stage"] != "tls" {
			t.Errorf("got %s", got.raw)
		}
	}
}

// TestClearForgetsSuccessors: clearing leaves no working refresh token.
func TestClearForgetsSuccessors(t *testing.T) {
	w := startWithRefreshTokens(t)
	c := w.site("client-a")
	w.passes(c, w.body(object{"recipient": recipient}))
	c.put(w.body(object{"enabled": true})).want(t, http.StatusOK, "")
	c.call(http.MethodDelete, "/smtp", nil, "If-Match", c.etag()).want(t, http.StatusOK, "")
	if got := c.test(w.body(object{"recipient": recipient})).want(t, http.StatusOK, ""); got.object["stage"] != "token" {
		t.Errorf("got %s", got.raw)
	}
}

// TestClientSecretIsPartOfThePassword: it is proved, guessed at and replaced together with the refresh token.
func TestClientSecretIsPartOfThePassword(t *testing.T) {
	w := startWithRefreshTokens(t)
	c := w.site("client-a")
	w.passes(c, w.body(object{"recipient": recipient}))
	c.put(w.body(object{"client_secret": "another", "enabled": true})).want(t, http.StatusConflict, "verification_required")
	without := w.body(object{"enabled": true})
	delete(without, "client_secret")
	c.put(without).want(t, http.StatusConflict, "verification_required")
	for _, refused := range []object{
		w.body(object{"enabled": false, "client_secret": ""}),
		w.body(object{"enabled": false, "settings": w.settings(nil)}),
		{"settings": w.settings(object{"grant": "refresh_token"}), "client_secret": clientSecret, "enabled": false},
	} {
		got := c.put(refused).want(t, http.StatusUnprocessableEntity, "invalid")
		equal(t, got.object["field"], any("client_secret"))
	}
	c.put(w.body(object{"enabled": true})).want(t, http.StatusOK, "")
}

// TestServiceAccount: a private key is tested, saved and tested again as it was saved.
func TestServiceAccount(t *testing.T) {
	w := startWithTokens(t)
	c := w.site("client-a")
	account, key, err := oauthtest.Account(mailer)
	if err != nil {
		t.Fatal(err)
	}
	w.tokens.SetApp("app", account)
	body := func(more object) object {
		b := object{"settings": w.settings(object{"grant": "jwt_bearer"}), "password": key.Reveal()}
		maps.Copy(b, more)
		return b
	}
	if got := c.test(body(object{"recipient": recipient})).want(t, http.StatusOK, ""); got.object["status"] != "passed" {
		t.Fatalf("got %s", got.raw)
	}
	c.put(body(object{"enabled": true})).want(t, http.StatusOK, "")
	w.restart(func() {})
	if got := c.test(object{"recipient": recipient}).want(t, http.StatusOK, ""); got.object["status"] != "passed" {
		t.Errorf("got %s", got.raw)
	}
	got := c.put(body(object{"password": "no key", "enabled": false})).want(t, http.StatusUnprocessableEntity, "invalid")
	equal(t, got.object["field"], any("password"))
}
