package refsite_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

func TestEnabledImpliesVerified(t *testing.T) {
	w := start(t)
	refused := func(t *testing.T, c *client, body object) {
		t.Helper()
		body["enabled"] = true
		before := c.read()
		c.put(body).want(t, http.StatusConflict, "verification_required")
		equal(t, c.read().object, before.object)
	}
	test := func(t *testing.T, c *client, changes object, password string) {
		t.Helper()
		c.test(object{"settings": w.settings(changes), "password": password, "recipient": recipient}).want(t, http.StatusOK, "")
	}
	t.Run("R4_WithoutATest", func(t *testing.T) {
		c := w.site("untested")
		refused(t, c, object{"settings": w.settings(nil), "password": w.password})
	})
	t.Run("R4_TestedAnotherValue", func(t *testing.T) {
		c := w.site("another-value")
		test(t, c, nil, w.password)
		for name, value := range (object{
			"host": "localhost", "port": 2525, "encryption": "tls", "username": "other@example.com",
			"from_address": "other@example.com", "from_name": "Other", "helo_name": "",
		}) {
			refused(t, c, object{"settings": w.settings(object{name: value}), "password": w.password})
		}
		refused(t, c, object{"settings": w.settings(nil), "password": "another password"})
	})
	t.Run("R4_AnotherSitePassed", func(t *testing.T) {
		test(t, w.site("passed"), nil, w.password)
		refused(t, w.site("other"), object{"settings": w.settings(nil), "password": w.password})
	})
	t.Run("R4_TheTestFailed", func(t *testing.T) {
		c := w.site("failed")
		test(t, c, nil, "wrong")
		refused(t, c, object{"settings": w.settings(nil), "password": "wrong"})
	})
	t.Run("R4_ThePassIsTooOld", func(t *testing.T) {
		c := w.site("expired")
		test(t, c, nil, w.password)
		w.pass(time.Hour + time.Second)
		refused(t, c, object{"settings": w.settings(nil), "password": w.password})
		saved := c.put(object{"settings": w.settings(nil), "password": w.password, "enabled": false}).want(t, http.StatusOK, "")
		if saved.object["verification"] == nil {
			t.Error("the verification is gone")
		}
		refused(t, c, object{"settings": w.settings(nil)})
		c.test(object{"recipient": recipient}).want(t, http.StatusOK, "")
		c.put(object{"settings": w.settings(nil), "enabled": true}).want(t, http.StatusOK, "")
	})
	t.Run("R4_ThePassIsFromAWrongClock", func(t *testing.T) {
		c := w.site("future")
		w.pass(365 * 24 * time.Hour)
		relay := smtptest.Start(t, smtptest.Config{Encryption: site.NoEncryption})
		plain := object{"host": relay.Host(), "port": relay.Port(), "encryption": "none", "username": ""}
		c.test(object{"settings": w.settings(plain), "recipient": recipient}).want(t, http.StatusOK, "")
		w.pass(-365 * 24 * time.Hour)
		refused(t, c, object{"settings": w.settings(plain)})
	})
	t.Run("StaysOnWhileNothingChanges", func(t *testing.T) {
		c := w.site("long-on")
		first := w.enable(c, nil)
		w.pass(100 * 24 * time.Hour)
		again := c.put(object{"settings": w.settings(nil), "password": w.password, "enabled": true}).want(t, http.StatusOK, "")
		equal(t, again.object["verification"], first.object["verification"])
		c.put(object{"settings": w.settings(nil), "enabled": false}).want(t, http.StatusOK, "")
		refused(t, c, object{"settings": w.settings(nil)})
	})
	t.Run("ARelayWithoutLogin", func(t *testing.T) {
		open := smtptest.Start(t, smtptest.Config{Encryption: site.NoEncryption})
		c := w.site("relay")
		got := w.enable(c, object{"host": open.Host(), "port": open.Port(), "encryption": "none", "username": ""})
		if got.object["password_set"] != false || open.Counters().Messages != 1 {
			t.Errorf("got %s", got.raw)
		}
	})
}

func TestFailedTestLeavesLiveMailAsItWas(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	before := w.enable(c, nil)
	w.mail.SetFaults(smtptest.Faults{AuthErr: &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "Username and password not accepted"}})
	got := c.test(object{"settings": w.settings(object{"from_name": "B"}), "password": w.password, "recipient": recipient}).want(t, http.StatusOK, "")
	if got.object["status"] != "failed" || got.object["stage"] != "auth" || got.object["diagnosis"].(object)["attribute"] != "password" {
		t.Errorf("got %s", got.raw)
	}
	equal(t, c.read().object, before.object)
}

func TestR8DisableAndClearWithALostPassword(t *testing.T) {
	w := start(t)
	a, b := w.site("client-a"), w.site("client-b")
	w.enable(a, nil)
	w.enable(b, nil)
	w.mail.SetUser(mailer, secret.New("changed at the mail service"))
	a.put(object{"settings": w.settings(nil), "enabled": false}).want(t, http.StatusOK, "")
	b.call(http.MethodDelete, "/smtp", nil, "If-Match", b.etag()).want(t, http.StatusOK, "")
}
