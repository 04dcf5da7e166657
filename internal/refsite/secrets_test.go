package refsite_test

import (
	"net/http"
	"os"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/leaktest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/soaktest"
)

// TestR7NoSecretShows searches every response, the log and the data file; internal/test/leaktest does so over whole lives.
func TestR7NoSecretShows(t *testing.T) {
	w := start(t)
	w.password = `canary "mail" Zü%` + w.password
	w.mail.SetUser(mailer, secret.New(w.password))
	c := w.site("client-a")
	credentials := w.login("client-a")
	session := c.call(http.MethodPost, "/session", credentials).want(t, http.StatusCreated, "")
	w.answers = &logBuffer{} // the only response with a secret is over
	c.http.Transport = checked{t: t, next: http.DefaultTransport, answers: w.answers}
	secrets := map[string]string{
		"mail password": w.password, "API token": c.token,
		"login password": credentials["password"].(string), "session token": session.object["token"].(string),
	}

	script, err := smtptest.NewScript(leaktest.RepeatLogin)
	if err != nil {
		t.Fatal(err)
	}
	defer script.Close()
	repeats := w.settings(object{"host": script.Host(), "port": script.Port(), "encryption": "none"})
	if got := c.test(object{"settings": repeats, "password": w.password, "recipient": recipient}); got.object["stage"] != "auth" || got.object["reply"] == nil {
		t.Fatalf("the mail server did not repeat the login: %s", got.raw)
	}
	w.enable(c, nil)
	c.token = session.object["token"].(string)
	c.put(object{"settings": w.settings(object{"from_name": "B"}), "enabled": false}).want(t, http.StatusUnprocessableEntity, "password_required")
	c.put(object{"settings": w.settings(nil), "password": w.password, "enabled": false, "site_id": "x"}).want(t, http.StatusConflict, "wrong_site")
	c.call(http.MethodPut, "/smtp", object{w.password: w.password}, "If-Match", `"0"`).want(t, http.StatusBadRequest, "malformed")
	c.call(http.MethodGet, "/smtp", nil, "Authorization", "Bearer x").want(t, http.StatusUnauthorized, "unauthorized")
	c.call(http.MethodPost, "/session", object{"username": "admin", "password": "canary"}).want(t, http.StatusUnauthorized, "unauthorized")
	w.close()

	disk, err := os.ReadFile(w.config.DataFile)
	if err != nil {
		t.Fatal(err)
	}
	var sinks []leaktest.Sink
	for where, data := range map[string][]byte{"answers": []byte(w.answers.String()), "log": []byte(w.log.String()), "data file": disk} {
		if len(data) < 1000 {
			t.Errorf("%s: got only %d bytes to search", where, len(data))
		}
		sinks = append(sinks, leaktest.Sink{Name: where, Data: data})
	}
	leaktest.New(secrets).Search(t, soaktest.Random(t), sinks)
}
