//go:build linux && wordpress

package wordpresstest_test

import (
	"net/http"
	"strings"
	"testing"
)

const staging = `define("WP_ENVIRONMENT_TYPE", "staging");`

// TestCopies: a database that is copied to another host or another environment sends no mail.
func TestCopies(t *testing.T) {
	t.Parallel()
	for name, here := range map[string]string{"OnAnotherHost": "localhost (local)", "AsAnotherEnvironment": "127.0.0.1 (staging)"} {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			before := c.enable(nil).object
			// Application Passwords want HTTPS, except where the environment is local.
			c.token = c.Eval(t, `echo SiteSMTP\Token::create("plan");`)
			c.configure(t, map[string]string{
				"OnAnotherHost":        `define("WP_HOME", "` + strings.Replace(c.URL, "127.0.0.1", "localhost", 1) + `");`,
				"AsAnotherEnvironment": staging,
			}[name])
			got := c.read().object
			if got["enabled"] != false || got["password_set"] != true || got["password_id"] != before["password_id"] || got["verification"] == nil ||
				!strings.Contains(got["notice"].(string), "saved on 127.0.0.1 (local), but this is "+here) {
				t.Errorf("got %v", got)
			}
			c.messages(0, func() {
				if why := c.Eval(t, send); !strings.Contains(why, "Outgoing mail is off. These mail settings were saved on 127.0.0.1 (local)") || !strings.HasSuffix(why, "not sent") {
					t.Error(why)
				}
			})
			if notice := c.Eval(t, `wp_set_current_user(1); do_action("admin_notices");`); !strings.Contains(notice, "a copy of the site, or the site has moved") {
				t.Errorf("got the notice %q", notice)
			}
			t.Run("SendsAgainAtHome", func(t *testing.T) {
				c.configure(t, "")
				equal(t, c.read().object, before)
				c.messages(1, func() { equal(t, c.Eval(t, send), "sent") })
			})
		})
	}
	t.Run("CopyTakenIntoUse", func(t *testing.T) {
		c := start(t)
		c.enable(nil)
		c.token = c.Eval(t, `echo SiteSMTP\Token::create("plan");`)
		c.configure(t, staging)
		c.test(object{"recipient": recipient}).want(t, http.StatusOK, "")
		c.put(object{"settings": c.settings(nil), "enabled": true}).want(t, http.StatusOK, "")
		c.messages(1, func() { equal(t, c.Eval(t, send), "sent") })
		c.configure(t, "")
		equal(t, c.read().object["enabled"], any(false))
	})
	t.Run("SiteWithSeveralHostsIsNoCopy", func(t *testing.T) {
		c := start(t)
		c.enable(nil)
		for _, code := range []string{
			`define("WP_HOME", "http://"); `,
			`define("WP_HOME", "https://WWW.client.example"); define("SITE_SMTP_HOSTS", "127.0.0.1, client.example");`,
			`$GLOBALS["wp_filter"]["home_url"][1][] = array("function" => fn() => "https://de.client.example", "accepted_args" => 1);`,
		} {
			c.configure(t, code)
			c.messages(1, func() { equal(t, c.Eval(t, send), "sent") })
		}
	})
}

// configure adds code to wp-config.php.
func (c *client) configure(t *testing.T, code string) {
	t.Helper()
	if err := c.Configure(code); err != nil {
		t.Fatal(err)
	}
}

// TestRowsBeforePlaces: rows that were saved before the plugin bound them to a place and had reply_to stay in use.
func TestRowsBeforePlaces(t *testing.T) {
	c := start(t)
	before := c.enable(nil).object
	row := c.Eval(t, `
$row = json_decode($wpdb->get_var("SELECT option_value FROM $wpdb->options WHERE option_name = 'site_smtp'"), true);
unset($row["place"], $row["proof"]);
$row["settings"] = array_slice($row["settings"], 0, 7);
$row["proof"] = SiteSMTP\Keys::mark(array("record", SiteSMTP\Site::id(), $row));
$wpdb->update($wpdb->options, array("option_value" => json_encode($row)), array("option_name" => "site_smtp"));
echo implode(" ", array_keys($row)), " ", implode(" ", array_keys($row["settings"]));`)
	if strings.Contains(row, "place") || strings.Contains(row, "reply_to") {
		t.Fatal(row)
	}
	c.messages(1, func() { equal(t, c.Eval(t, send), "sent") })
	after := c.read().object
	delete(after, "last_success")
	delete(before, "last_success")
	equal(t, after, before)
	equal(t, c.Eval(t, `
$row = json_decode($wpdb->get_var("SELECT option_value FROM $wpdb->options WHERE option_name = 'site_smtp'"), true);
echo json_encode($row["place"]);`), `{"host":"127.0.0.1","environment":"local"}`)
}
