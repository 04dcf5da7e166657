//go:build linux && wordpress

package wordpresstest_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// first is PHP code with the functions of version 0.1 that wrote its rows: they bound a password only to the site.
const first = `
function first_key($purpose) { return hash_hkdf("sha256", wp_salt("auth"), 32, "site-smtp $purpose"); }
function first_mark($parts) { return hash_hmac("sha256", json_encode($parts), first_key("mark")); }
function first_seal($password, $id) {
	$nonce = random_bytes(24);
	$with  = json_encode(array(SiteSMTP\Site::id(), $id));
	return base64_encode($nonce . sodium_crypto_aead_xchacha20poly1305_ietf_encrypt($password, $with, $nonce, first_key("seal")));
}`

// firstRow is a row of version 0.1.
type firstRow struct {
	enabled, verified bool
	// testedAt is how long ago the test was.
	testedAt time.Duration
	// wrote says whether the last write brought the password.
	wrote bool
}

// hold stores a row of version 0.1 in the site.
func (c *client) holdFirst(row firstRow) {
	c.Helper()
	s := c.settings(nil)
	c.Eval(c, first+fmt.Sprintf(`
$wpdb->query("DELETE FROM $wpdb->options WHERE option_name LIKE 'site\\_smtp\\_test%%'");
$password = "%s";
$settings = array("host" => "%s", "port" => %d, "encryption" => "starttls", "username" => "%s", "from_address" => "%s", "from_name" => "Client A", "helo_name" => "client-a.example.com");
$verified = %t ? array("tested_at" => gmdate("Y-m-d\\TH:i:s.000\\Z", time() - %d), "recipient" => "ops@example.com", "reply" => "250 2.0.0 Ok", "message_id" => "1@example.com") : null;
$written  = array("write", SiteSMTP\Site::id(), $settings, %t ? $password : null, %t);
$wpdb->replace($wpdb->options, array("option_name" => "site_smtp", "autoload" => "no", "option_value" => json_encode(array(
	"settings" => $settings, "enabled" => %[9]t, "revision" => 3, "updated_at" => "2026-11-01T10:00:00.000Z", "updated_by" => "terraform",
	"last_write" => array("id" => "0a6d2c9e-2f3b-4a66-8b51-1f0d6f1f5a10", "mark" => first_mark($written)),
	"key" => substr(hash("sha256", first_key("name")), 0, 16),
	"password" => array("id" => "3c1e9f57a8b24d60", "sealed" => first_seal($password, "3c1e9f57a8b24d60")),
	"verification" => $verified,
	"verified" => $verified ? first_mark(array("passed", SiteSMTP\Site::id(), $settings, $password)) : null,
))));`, c.password, s["host"], s["port"], mailer, mailer, row.verified, int(row.testedAt.Seconds()), row.wrote, row.enabled))
}

// TestRowsThatVersion01Wrote opens rows that version 0.1 itself wrote to two databases.
func TestRowsThatVersion01Wrote(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("testdata/release_0_1.json")
	if err != nil {
		t.Fatal(err)
	}
	var wrote struct {
		WPConfig          string `json:"wp_config"`
		Password          string
		Enabled, Disabled map[string]string
	}
	if err := json.Unmarshal(content, &wrote); err != nil {
		t.Fatal(err)
	}
	for name, rows := range map[string]map[string]string{"Enabled": wrote.Enabled, "Disabled": wrote.Disabled} {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			c.configure(t, wrote.WPConfig)
			for option, value := range rows {
				c.Eval(t, fmt.Sprintf(`$wpdb->replace($wpdb->options, array("option_name" => %q, "autoload" => "no", "option_value" => base64_decode(%q)));`,
					option, base64.StdEncoding.EncodeToString([]byte(value))))
			}
			var row struct {
				Settings object
				Password object
				Enabled  bool
			}
			if err := json.Unmarshal([]byte(rows["site_smtp"]), &row); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time from the row that the first read rewrote
				got := c.read().object
				if got["site_id"] != rows["site_smtp_id"] || got["enabled"] != row.Enabled || got["revision"] != "1" || got["password_id"] != row.Password["id"] {
					t.Errorf("got %v", got)
				}
				for setting, value := range row.Settings {
					if got["settings"].(object)[setting] != value {
						t.Errorf("%s: got %v, want %v", setting, got["settings"], value)
					}
				}
				if row.Enabled && got["verification"] == nil {
					t.Error("mail stays on without its verification")
				}
				if password := c.Eval(t, `echo SiteSMTP\Site::read()->password->reveal();`); password != wrote.Password {
					t.Error("the password differs from the saved one")
				}
			}
		})
	}
}

func TestRowsOfVersion01(t *testing.T) {
	t.Parallel()
	const long = 100 * 24 * time.Hour
	c := start(t)
	kept := func(t *testing.T, row firstRow) object {
		t.Helper()
		c.holdFirst(row)
		got := c.read().object
		if got["password_set"] != true || got["password_id"] != "3c1e9f57a8b24d60" || got["enabled"] != row.enabled || got["revision"] != "3" {
			t.Errorf("got %v", got)
		}
		if row := c.Eval(t, `echo $wpdb->get_var("SELECT option_value FROM $wpdb->options WHERE option_name = 'site_smtp'");`); !strings.Contains(row, `"proof"`) {
			t.Error("the row was not upgraded to the stronger proof")
		}
		equal(t, c.read().object, got)
		return got
	}
	t.Run("EnabledStaysEnabled", func(t *testing.T) {
		got := kept(t, firstRow{enabled: true, verified: true, testedAt: long, wrote: true})
		if got["verification"] == nil {
			t.Errorf("got %v", got)
		}
		c.messages(1, func() { equal(t, c.Eval(t, send), "sent") })
	})
	t.Run("PassProvesThePassword", func(t *testing.T) {
		kept(t, firstRow{verified: true, testedAt: long})
		c.test(object{"recipient": recipient}).want(t, http.StatusOK, "")
		c.put(object{"settings": c.settings(nil), "enabled": true}).want(t, http.StatusOK, "")
	})
	t.Run("WriteProvesThePassword", func(t *testing.T) {
		kept(t, firstRow{wrote: true})
		c.test(object{"recipient": recipient}).want(t, http.StatusOK, "")
	})
	t.Run("TimeOfTheTestIsNotProven", func(t *testing.T) {
		if got := kept(t, firstRow{verified: true, testedAt: time.Minute}); got["verification"] != nil {
			t.Errorf("got %v", got)
		}
		c.stays(t, object{"settings": c.settings(nil)})
	})
	t.Run("UnprovenPasswordIsNotUsed", func(t *testing.T) {
		c.holdFirst(firstRow{})
		before := c.row()
		if got := c.off(t); got["password_set"] != false || got["revision"] != "3" {
			t.Errorf("got %v", got)
		}
		c.test(object{"recipient": recipient}).want(t, http.StatusUnprocessableEntity, "password_required")
		if c.row() != before {
			t.Error("the refused test changed the row")
		}
	})
	t.Run("EditedRowIsNotUsed", func(t *testing.T) {
		evil := smtptest.Start(t, smtptest.Config{CA: ca})
		for _, row := range []firstRow{{enabled: true, verified: true, testedAt: long, wrote: true}, {wrote: true}, {verified: true, testedAt: long}} {
			c.holdFirst(row)
			c.edit(fmt.Sprintf(`"port":%d`, c.mail.Port()), fmt.Sprintf(`"port":%d`, evil.Port()))
			if got := c.off(t); got["password_set"] != false {
				t.Errorf("got %v", got)
			}
			c.test(object{"recipient": recipient}).want(t, http.StatusUnprocessableEntity, "password_required")
		}
		if n := evil.Counters().Connections; n != 0 {
			t.Errorf("got %d connections, want 0", n)
		}
	})
	t.Run("NewRowWithoutProofIsNotUsed", func(t *testing.T) {
		evil := smtptest.Start(t, smtptest.Config{CA: ca})
		for _, enabled := range []bool{true, false} {
			c.mustTest(nil, "passed", "data")
			c.put(object{"settings": c.settings(nil), "password": c.password, "enabled": enabled}).want(t, http.StatusOK, "")
			c.edit(`"proof"`, `"verified"`)
			c.edit(fmt.Sprintf(`"port":%d`, c.mail.Port()), fmt.Sprintf(`"port":%d`, evil.Port()))
			if got := c.off(t); got["password_set"] != false {
				t.Errorf("got %v", got)
			}
		}
	})
}
