//go:build linux && wordpress

package wordpresstest_test

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// refreshing is a site whose mailbox has consented to an application. The token endpoint replaces its refresh tokens at each use.
type refreshing struct {
	*client
	tokens *oauthtest.Server
	// token is the refresh token that was entered.
	token string
}

func startWithRefreshTokens(t *testing.T) refreshing {
	t.Helper()
	c, tokens := startWithTokens(t, smtptest.Config{})
	tokens.SetApp(clientID, oauthtest.App{Secret: secret.New(c.password), Mailboxes: []string{mailer}, Rotates: true})
	return refreshing{c, tokens, tokens.Consent(clientID, mailer).Reveal()}
}

// refresh returns the settings of a login with a refresh token.
func (r refreshing) refresh() object {
	s := withToken(r.tokens)
	s["grant"] = "refresh_token"
	return r.settings(s)
}

// body returns a request with the settings and both secrets.
func (r refreshing) body(more object) object {
	b := object{"settings": r.refresh(), "password": r.token, "client_secret": r.password}
	maps.Copy(b, more)
	return b
}

func (r refreshing) passes(body object) {
	r.Helper()
	if got := r.test(body).want(r, http.StatusOK, ""); got.object["status"] != "passed" {
		r.Fatalf("got %s", got.raw)
	}
}

// mails sends n mails of the site, each in a separate request and without a kept access token.
func (r refreshing) mails(n int) {
	r.Helper()
	for range n {
		r.Eval(r, `SiteSMTP\TokenEndpoint::forget();`)
		r.messages(1, func() { equal(r, r.Eval(r, send), "sent") })
	}
}

// TestRefreshTokenThatRotates: neither tests nor mail use up what is saved, however often they repeat.
func TestRefreshTokenThatRotates(t *testing.T) {
	r := startWithRefreshTokens(t)
	tried := r.body(object{"recipient": recipient})
	r.passes(tried)
	r.passes(tried) // the token in the request no longer works, but its successor does
	saved := r.put(r.body(object{"enabled": true})).want(t, http.StatusOK, "").object
	r.passes(object{"recipient": recipient})
	r.mails(2)
	r.passes(tried)
	read := r.read().object
	if read["password_id"] != saved["password_id"] || read["revision"] != saved["revision"] || read["enabled"] != true {
		t.Errorf("got %v", read)
	}
	rows := r.Eval(t, `echo implode("\n", $wpdb->get_col("SELECT option_value FROM $wpdb->options WHERE option_name LIKE 'site\\_smtp%'"));`)
	log, err := wordpress.Log()
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, asked := range r.tokens.Requests() {
		token := asked.RefreshToken.Reveal()
		if used[token] {
			t.Error("a refresh token was used twice")
		}
		used[token] = true
		if strings.Contains(rows, token) || strings.Contains(log, token) {
			t.Error("the database or the log holds a refresh token in plain text")
		}
	}
	t.Run("SurvivesNewKeys", func(t *testing.T) {
		// The old key is dropped only after everything is sealed with the new key.
		for _, more := range []string{"", `define("AUTH_KEY", "changed");`} {
			if err := r.Configure(`define("SITE_SMTP_KEY", "new");` + more); err != nil {
				t.Fatal(err)
			}
			if got := r.read().object; got["enabled"] != true {
				t.Fatalf("got %v", got)
			}
		}
		r.mails(1)
	})
	t.Run("SurvivesADamagedEntry", func(t *testing.T) {
		r.Eval(t, `$wpdb->query("UPDATE $wpdb->options SET option_value = CONCAT('[7,{\"entered\":1},', SUBSTRING(option_value, 2)) WHERE option_name = 'site_smtp_refresh_tokens'");`)
		r.mails(1)
		r.passes(tried)
		r.put(r.body(object{"enabled": true})).want(t, http.StatusOK, "")
	})
	t.Run("IsClearedWithTheSettings", func(t *testing.T) {
		r.call(http.MethodDelete, "/smtp", nil, "If-Match", r.etag()).want(t, http.StatusOK, "")
		if got := r.test(tried).want(t, http.StatusOK, ""); got.object["stage"] != "token" {
			t.Errorf("got %s", got.raw)
		}
	})
}

// TestRefreshTokensAreUsedOneAtATime: of two requests with the same rotating token one would fail, and some endpoints then revoke all tokens.
func TestRefreshTokensAreUsedOneAtATime(t *testing.T) {
	r := startWithRefreshTokens(t)
	arrived, release := make(chan struct{}, 2), make(chan struct{})
	r.tokens.Answer(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	var all sync.WaitGroup
	ask := func() {
		if got, err := r.try(t.Context(), http.MethodPut, newTest(), r.body(object{"recipient": recipient})); err != nil || got.object["stage"] != "token" {
			t.Errorf("%v, %s", err, got.raw)
		}
	}
	all.Go(ask)
	<-arrived
	// Idle connections may belong to the worker of PHP that is busy now.
	r.http.CloseIdleConnections()
	all.Go(ask)
	waits := r.Eval(t, `
$until = time() + 30;
do {
	$waiting = $wpdb->get_var("SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND state = 'User lock'");
} while ("0" === $waiting && time() < $until);
echo $waiting;`)
	if waits != "1" {
		t.Errorf("got %s requests that wait for their turn, want 1", waits)
	}
	close(release)
	all.Wait()
}

// TestSuccessorStaysWithWhatWasEntered: a successor is not used for another endpoint or another token, nor unless it could be stored.
func TestSuccessorStaysWithWhatWasEntered(t *testing.T) {
	r := startWithRefreshTokens(t)
	r.passes(r.body(object{"recipient": recipient}))
	r.put(r.body(object{"enabled": true})).want(t, http.StatusOK, "")
	trap := oauthtest.Start(t)
	elsewhere := r.refresh()
	elsewhere["token_url"] = trap.URL()
	r.put(object{"settings": elsewhere, "enabled": false}).want(t, http.StatusUnprocessableEntity, "password_required")
	r.test(r.body(object{"settings": elsewhere, "recipient": recipient})).want(t, http.StatusOK, "")
	if got := trap.Requests(); len(got) != 1 || got[0].RefreshToken.Reveal() != r.token {
		t.Errorf("the other endpoint got %+v", got)
	}
	asked := len(r.tokens.Requests())
	got := r.test(r.body(object{"password": "another", "recipient": recipient})).want(t, http.StatusOK, "")
	if last := r.tokens.Requests()[asked:]; got.object["stage"] != "token" || len(last) != 1 || last[0].RefreshToken.Reveal() != "another" {
		t.Errorf("got %s", got.raw)
	}
	t.Run("RejectsARotatedTokenThatCannotBeStored", func(t *testing.T) {
		r.Eval(t, `$wpdb->query("CREATE TRIGGER full_tokens BEFORE UPDATE ON $wpdb->options FOR EACH ROW
			IF NEW.option_name = 'site_smtp_refresh_tokens' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the disk is full'; END IF");`)
		defer r.Eval(t, `$wpdb->query("DROP TRIGGER full_tokens");`)
		connections := r.mail.Counters().Connections
		got := r.test(object{"recipient": recipient}).want(t, http.StatusOK, "")
		if got.object["stage"] != "token" || got.object["error"] != "the refresh token was replaced, and its successor could not be stored" {
			t.Errorf("got %s", got.raw)
		}
		equal(t, r.mail.Counters().Connections, connections)
	})
	t.Run("RedactsARotatedTokenThatTheEndpointRepeats", func(t *testing.T) {
		r := startWithRefreshTokens(t)
		r.passes(r.body(object{"recipient": recipient}))
		sent := ""
		r.tokens.Answer(func(w http.ResponseWriter, q *http.Request) {
			sent = q.PostFormValue("refresh_token")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_grant","error_description":"used ` + sent + `"}`))
		})
		got := r.test(r.body(object{"recipient": recipient})).want(t, http.StatusOK, "")
		if sent == r.token || strings.Contains(string(got.raw), sent) || !strings.Contains(string(got.raw), "used [redacted]") {
			t.Errorf("got %s", got.raw)
		}
	})
}

// TestClientSecretIsPartOfThePassword: it is verified and replaced together with the refresh token.
func TestClientSecretIsPartOfThePassword(t *testing.T) {
	r := startWithRefreshTokens(t)
	r.passes(r.body(object{"recipient": recipient}))
	r.put(r.body(object{"client_secret": "another", "enabled": true})).want(t, http.StatusConflict, "verification_required")
	without := r.body(object{"enabled": true})
	delete(without, "client_secret")
	r.put(without).want(t, http.StatusConflict, "verification_required")
	for _, refused := range []object{
		r.body(object{"enabled": false, "client_secret": ""}),
		r.body(object{"enabled": false, "settings": r.settings(nil)}),
		r.body(object{"enabled": false, "settings": r.settings(withToken(r.tokens))}),
		{"settings": r.refresh(), "client_secret": r.password, "enabled": false},
	} {
		got := r.put(refused).want(t, http.StatusUnprocessableEntity, "invalid")
		equal(t, got.object["field"], any("client_secret"))
	}
	r.put(r.body(object{"enabled": true})).want(t, http.StatusOK, "")
}

// TestServiceAccount: a private key is tested, saved, and signs for the site's own mail.
func TestServiceAccount(t *testing.T) {
	c, tokens := startWithTokens(t, smtptest.Config{})
	account, key, err := oauthtest.Account(mailer)
	if err != nil {
		t.Fatal(err)
	}
	tokens.SetApp(clientID, account)
	settings := withToken(tokens)
	settings["grant"] = "jwt_bearer"
	body := func(more object) object {
		b := object{"settings": c.settings(settings), "password": key.Reveal()}
		maps.Copy(b, more)
		return b
	}
	for _, written := range []string{key.Reveal(), strings.ReplaceAll(key.Reveal(), "\n", `\n`), strings.ReplaceAll(key.Reveal(), "\n", " ")} {
		if got := c.test(body(object{"password": written, "recipient": recipient})).want(t, http.StatusOK, ""); got.object["status"] != "passed" {
			t.Fatalf("got %s", got.raw)
		}
	}
	c.put(body(object{"enabled": true})).want(t, http.StatusOK, "")
	c.messages(1, func() { equal(t, c.Eval(t, send), "sent") })
	for _, wrong := range []string{"no key", "-----BEGIN PRIVATE KEY----- AAAA -----END PRIVATE KEY-----"} {
		got := c.put(body(object{"password": wrong, "enabled": false})).want(t, http.StatusUnprocessableEntity, "invalid")
		equal(t, got.object["field"], any("password"))
	}
	t.Run("ReportsAWrongClock", func(t *testing.T) {
		tokens.Answer(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", "Tue, 01 Dec 2020 00:00:00 GMT")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_grant","error_description":"Invalid JWT"}`))
		})
		defer tokens.Answer(nil)
		got := c.test(body(object{"recipient": recipient})).want(t, http.StatusOK, "")
		if said, _ := got.object["error"].(string); !strings.Contains(said, "s ahead of the endpoint's)") {
			t.Errorf("got %s", got.raw)
		}
	})
}
