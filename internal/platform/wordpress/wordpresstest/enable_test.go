//go:build linux && wordpress

package wordpresstest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// stays makes sure that mail cannot be enabled with body, and that trying changes nothing.
func (c *client) stays(t *testing.T, body object) {
	t.Helper()
	body["enabled"] = true
	c.unchanged(func() { c.put(body).want(t, http.StatusConflict, "verification_required") })
}

// later makes the site's tests older by that time.
func (c *client) later(passed time.Duration) {
	c.Helper()
	clock := fmt.Sprintf(`namespace SiteSMTP { function time(): int { return \time() + %d; } }
namespace { define( 'SITE_SMTP_ALLOW_NETWORKS', '127.0.0.0/8' ); }`, int(passed.Seconds()))
	if err := c.Configure(clock); err != nil {
		c.Fatal(err)
	}
}

func TestEnabledImpliesVerified(t *testing.T) {
	t.Parallel()
	t.Run("RejectsAPassOfOtherSettings", func(t *testing.T) {
		c := start(t)
		c.mustTest(nil, "passed", "data")
		for _, f := range site.AllSettings() {
			c.stays(t, object{"settings": c.changed(f), "password": c.password})
		}
		c.stays(t, object{"settings": c.settings(nil), "password": "another password"})
	})
	t.Run("RejectsAPassOfAnotherSite", func(t *testing.T) {
		passed, other := start(t), start(t)
		passed.mustTest(nil, "passed", "data")
		other.stays(t, object{"settings": passed.settings(nil), "password": passed.password})
	})
	t.Run("RejectsAnOldPass", func(t *testing.T) {
		c := start(t)
		c.mustTest(nil, "passed", "data")
		c.later(time.Hour + time.Second)
		c.stays(t, object{"settings": c.settings(nil), "password": c.password})
		saved := c.put(object{"settings": c.settings(nil), "password": c.password, "enabled": false}).want(t, http.StatusOK, "")
		if saved.object["verification"] == nil {
			t.Error("the verification is gone")
		}
		c.stays(t, object{"settings": c.settings(nil)})
		c.test(object{"recipient": recipient}).want(t, http.StatusOK, "")
		c.put(object{"settings": c.settings(nil), "enabled": true}).want(t, http.StatusOK, "")
	})
	t.Run("StaysOnWhileNothingChanges", func(t *testing.T) {
		c := start(t)
		c.enable(nil)
		c.later(100 * 24 * time.Hour)
		before := c.read()
		again := c.put(object{"settings": c.settings(nil), "password": c.password, "enabled": true}).want(t, http.StatusOK, "")
		equal(t, again.object["verification"], before.object["verification"])
		c.put(object{"settings": c.settings(nil), "enabled": false}).want(t, http.StatusOK, "")
		c.stays(t, object{"settings": c.settings(nil)})
	})
}

// edit replaces text in the site's own row of the database.
func (c *client) edit(old, changed string) {
	c.Helper()
	edited := c.Eval(c, fmt.Sprintf(`
$row = $wpdb->get_var("SELECT option_value FROM $wpdb->options WHERE option_name = 'site_smtp'");
$edited = str_replace(%q, %q, $row);
$wpdb->update($wpdb->options, array('option_value' => $edited), array('option_name' => 'site_smtp'));
echo $edited === $row ? '' : 'edited';`, old, changed))
	if edited == "" {
		c.Fatalf("the row does not hold %s", old)
	}
}

// off makes sure that mail is off and that the site shows it, and returns the settings document.
func (c *client) off(t *testing.T) object {
	t.Helper()
	got := c.read().object
	if got["enabled"] != false || got["verification"] != nil {
		t.Errorf("got %v", got)
	}
	c.silent(t)
	return got
}

// silent makes sure that no mail is sent and that the admin pages say so.
func (c *client) silent(t *testing.T) {
	t.Helper()
	c.messages(0, func() {
		if sent := c.Eval(t, `echo wp_mail("customer@example.com", "Hello", "World") ? "sent" : "not sent";`); sent != "not sent" {
			t.Error(sent)
		}
	})
	notice := c.Eval(t, `wp_set_current_user(1); do_action("admin_notices");`)
	if !strings.Contains(notice, "notice-error") || !strings.Contains(notice, "Outgoing mail is off") {
		t.Errorf("got the notice %q", notice)
	}
}

func TestRowsThatWereEdited(t *testing.T) {
	t.Parallel()
	t.Run("SwitchedOn", func(t *testing.T) {
		c := start(t)
		c.put(object{"settings": c.settings(nil), "password": c.password, "enabled": false}).want(t, http.StatusOK, "")
		c.edit(`"enabled":false`, `"enabled":true`)
		c.off(t)
	})
	t.Run("OtherEdits", func(t *testing.T) {
		c := start(t)
		evil := smtptest.Start(t, smtptest.Config{CA: ca})
		c.enable(nil)
		saved := c.row()
		for name, edit := range c.edits(evil) {
			t.Run(name, func(t *testing.T) {
				c.edit(edit[0], edit[1])
				if got := c.off(t); got["password_set"] != false || got["password_id"] != nil || got["last_write_id"] != nil {
					t.Errorf("got %v", got)
				}
				c.test(object{"recipient": recipient}).want(t, http.StatusUnprocessableEntity, "password_required")
				if notice := c.Eval(t, `wp_set_current_user(1); do_action("admin_notices");`); !strings.Contains(notice, "changed in the database") {
					t.Errorf("got the notice %q", notice)
				}
				c.setRow(saved)
				if c.read().object["enabled"] != true {
					t.Error("the original row no longer enables mail")
				}
			})
		}
		if n := evil.Counters().Connections; n != 0 {
			t.Errorf("got %d connections to the host in the edited row", n)
		}
	})
	t.Run("RowOfAnotherSite", func(t *testing.T) {
		from, to := start(t), start(t)
		from.enable(nil)
		to.setRow(from.row())
		if got := to.off(t); got["password_set"] != false || got["password_id"] != nil {
			t.Errorf("got %v", got)
		}
	})
	t.Run("ChangedTest", func(t *testing.T) {
		c := start(t)
		for _, member := range []string{"tested_at", "recipient", "message_id"} {
			c.mustTest(nil, "passed", "data")
			c.Eval(t, fmt.Sprintf(`
foreach ($wpdb->get_results("SELECT option_name, option_value FROM $wpdb->options WHERE option_name LIKE 'site\\_smtp\\_test%%'") as $row) {
	$value = json_decode($row->option_value, true);
	$value["test"][%[1]q] = "tested_at" === %[1]q ? gmdate("Y-m-d\\TH:i:s\\Z", time() + 1000) : "boss@example.com";
	$wpdb->update($wpdb->options, array("option_value" => json_encode($value)), array("option_name" => $row->option_name));
}`, member))
			c.stays(t, object{"settings": c.settings(nil), "password": c.password})
		}
	})
	t.Run("FailedTestMarkedAsPassed", func(t *testing.T) {
		c := start(t)
		body := c.candidate()
		body["password"] = "wrong"
		c.test(body).want(t, http.StatusOK, "")
		c.Eval(t, `$wpdb->query("UPDATE $wpdb->options SET option_value = REPLACE(option_value, 'failed', 'passed') WHERE option_name LIKE 'site\\_smtp\\_test%'");`)
		c.stays(t, object{"settings": c.settings(nil), "password": "wrong"})
	})
}

// edits returns, by name, old and new texts in the row of a site: for each setting and for each member of the verification. Settings lead to
// the given mail server if possible.
func (c *client) edits(to *smtptest.Server) map[string][2]string {
	c.Helper()
	was := c.read().object["verification"].(object)
	edits := map[string][2]string{
		"port":       {fmt.Sprintf(`"port":%d`, c.mail.Port()), fmt.Sprintf(`"port":%d`, to.Port())},
		"tested_at":  {fmt.Sprintf(`"tested_at":%q`, was["tested_at"]), `"tested_at":"2099-01-01T00:00:00.000Z"`},
		"recipient":  {fmt.Sprintf(`"recipient":%q`, recipient), `"recipient":"boss@example.com"`},
		"updated_by": {fmt.Sprintf(`"updated_by":%q`, c.Username), `"updated_by":"somebody"`},
		"revision":   {`"revision":1`, `"revision":7`},
		"place":      {`"environment":"local"`, `"environment":"staging"`},
	}
	for name, value := range c.settings(nil) {
		if text, ok := value.(string); ok {
			edits[name] = [2]string{fmt.Sprintf("%q:%q", name, text), fmt.Sprintf("%q:%q", name, c.changes()[name])}
		}
	}
	return edits
}

// row returns the site's row in the database, in base64.
func (c *client) row() string {
	c.Helper()
	return c.Eval(c, `echo base64_encode($wpdb->get_var("SELECT option_value FROM $wpdb->options WHERE option_name = 'site_smtp'"));`)
}

func (c *client) setRow(encoded string) {
	c.Helper()
	c.Eval(c, `$wpdb->replace($wpdb->options, array('option_name' => 'site_smtp', 'option_value' => base64_decode('`+encoded+`'), 'autoload' => 'no'));`)
}

func TestARowThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]struct{ old, changed, revision string }{
		"InvalidJSON":     {`"revision":1`, `"revision":`, "0"},
		"AnotherRevision": {`"revision":1`, `"revision":"1"`, "0"},
		"AnUnknownMember": {`"host"`, `"hosts"`, "1"},
		"AMissingMember":  {`"key"`, `"keys"`, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			damaged := func() *client {
				c := start(t)
				c.enable(nil)
				c.edit(edit.old, edit.changed)
				got := c.call(http.MethodGet, "/smtp", nil).want(t, http.StatusInternalServerError, "internal")
				if got.object["revision"] != edit.revision || !strings.Contains(got.object["detail"].(string), "cannot be read") {
					t.Errorf("got %s", got.raw)
				}
				c.test(object{"recipient": recipient}).want(t, http.StatusInternalServerError, "internal")
				c.silent(t)
				return c
			}
			ifMatch := `"` + edit.revision + `"`

			c := damaged()
			write := object{"settings": c.settings(nil), "enabled": true, "write_id": uuid.NewString()}
			c.call(http.MethodPut, "/smtp", write, "If-Match", `"7"`).want(t, http.StatusPreconditionFailed, "stale")
			c.call(http.MethodPut, "/smtp", write, "If-Match", ifMatch).want(t, http.StatusUnprocessableEntity, "password_required")
			write["password"] = c.password
			saved := c.call(http.MethodPut, "/smtp", write, "If-Match", ifMatch).want(t, http.StatusOK, "")
			equal(t, c.read().object, saved.object)
			c.messages(1, func() { equal(t, c.Eval(t, send), "sent") })

			c = damaged()
			cleared := c.call(http.MethodDelete, "/smtp", nil, "If-Match", ifMatch).want(t, http.StatusOK, "")
			equal(t, c.read().object, cleared.object)
			c.messages(0, func() { equal(t, c.Eval(t, send), "sent") })
		})
	}
	t.Run("NoTable", func(t *testing.T) {
		notice := start(t).Eval(t, `wp_set_current_user(1); $wpdb->options = "gone"; do_action("admin_notices");`)
		if !strings.Contains(notice, "notice-error") || !strings.Contains(notice, "could not be read") {
			t.Errorf("got the notice %q", notice)
		}
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	const own, next = "define( 'SITE_SMTP_KEY', 'a long and random key' );", "define( 'SITE_SMTP_KEY', array( 'the next one', 'a long and random key' ) );"
	configure := func(t *testing.T, c *client, code string) {
		t.Helper()
		if err := c.Configure(code); err != nil {
			t.Fatal(err)
		}
	}
	works := func(t *testing.T, c *client, want object) {
		t.Helper()
		held := c.read().object
		for _, ofMail := range []string{"last_success", "last_failure"} {
			want[ofMail] = held[ofMail]
		}
		equal(t, held, want)
		c.messages(1, func() { c.Eval(t, `wp_mail("customer@example.com", "Hello", "World");`) })
	}
	t.Run("ChangedWordPressKeysDisableMail", func(t *testing.T) {
		c := start(t)
		enabled := c.enable(nil)
		configure(t, c, "define( 'AUTH_KEY', 'another one' );")
		if got := c.off(t); got["password_set"] != false {
			t.Errorf("got %v", got)
		}
		c.put(object{"settings": c.settings(nil), "enabled": true}).want(t, http.StatusUnprocessableEntity, "password_required")
		c.stays(t, object{"settings": c.settings(nil), "password": c.password})
		configure(t, c, "")
		works(t, c, enabled.object)
		configure(t, c, "define( 'AUTH_KEY', 'another one' );")
		works(t, c, c.enable(nil).object)
	})
	t.Run("OwnKeyTakesOver", func(t *testing.T) {
		c := start(t)
		enabled := c.enable(nil)
		configure(t, c, own)
		works(t, c, enabled.object)
		configure(t, c, own+"define( 'AUTH_KEY', 'another one' );")
		works(t, c, enabled.object)
		configure(t, c, next)
		works(t, c, enabled.object)
		configure(t, c, "define( 'SITE_SMTP_KEY', 'the next one' );")
		works(t, c, enabled.object)
	})
	t.Run("WithoutAPassword", func(t *testing.T) {
		c := start(t)
		c.mail = smtptest.Start(t, smtptest.Config{Encryption: site.NoEncryption})
		enabled := c.enable(object{"encryption": "none", "username": ""})
		configure(t, c, "define( 'AUTH_KEY', 'another one' );")
		c.off(t)
		configure(t, c, own+"define( 'AUTH_KEY', 'another one' );")
		c.off(t)
		configure(t, c, own)
		works(t, c, enabled.object)
		configure(t, c, own+"define( 'AUTH_KEY', 'another one' );")
		works(t, c, enabled.object)
	})
}
