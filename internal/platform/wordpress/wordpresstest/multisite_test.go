//go:build linux && wordpress

package wordpresstest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// network makes the site the first site of a network, adds a second site, and returns the second site's path.
func (c *client) network() (second string) {
	c.Helper()
	address, err := url.Parse(c.URL)
	if err != nil {
		c.Fatal(err)
	}
	c.Eval(c, `
define("WP_INSTALLING_NETWORK", true);
require ABSPATH . "wp-admin/includes/upgrade.php";
foreach ($wpdb->tables("ms_global") as $table => $name) { $wpdb->$table = $name; }
install_network();
echo is_wp_error($made = populate_network(1, "`+address.Host+`", "admin@example.com", "Network", "`+address.Path+`/", false)) ? $made->get_error_message() : "";`)
	if err := c.Configure(`
define("MULTISITE", true);
define("SUBDOMAIN_INSTALL", false);
define("DOMAIN_CURRENT_SITE", "` + address.Host + `");
define("PATH_CURRENT_SITE", "` + address.Path + `/");
define("SITE_ID_CURRENT_SITE", 1);
define("BLOG_ID_CURRENT_SITE", 1);
// WordPress 6.1 has functions for networks that PHP 8.2 warns of.
define("WP_DEBUG_DISPLAY", false);`); err != nil {
		c.Fatal(err)
	}
	c.Eval(c, `
update_network_option(1, WP_Application_Passwords::OPTION_KEY_IN_USE, true);
// Another test may have made it.
$id = $wpdb->get_var("SELECT blog_id FROM $wpdb->blogs WHERE blog_id > 1") ?:
	wp_insert_site(array("domain" => "`+address.Host+`", "path" => "`+address.Path+`/two/", "user_id" => 1, "title" => "Two"));
if (is_wp_error($id)) { throw new Exception($id->get_error_message()); }
// WordPress drops the port.
$wpdb->update($wpdb->blogs, array("domain" => "`+address.Host+`"), array("blog_id" => $id));
switch_to_blog($id);
foreach (array("home", "siteurl") as $name) { update_option($name, "`+c.URL+`/two"); }
update_option("permalink_structure", "/%postname%/");
$wpdb->query("DELETE FROM $wpdb->options WHERE option_name LIKE 'site\\_smtp%'");`)
	return "/two"
}

func TestMultisite(t *testing.T) {
	c := start(t)
	second := c.network()
	c.enable(nil)
	first := c.read()

	other := *c
	other.base = c.URL + second + basePath
	got := other.read()
	if got.object["site_id"] == first.object["site_id"] || got.object["enabled"] != false || got.object["revision"] != "0" {
		t.Errorf("got %s", got.raw)
	}
	equal(t, other.call(http.MethodGet, "/site", nil).object["name"], any("Two"))
	other.stays(t, object{"settings": other.settings(object{"from_name": "Two"}), "password": other.password})
	other.enable(object{"from_name": "Two"})
	equal(t, c.read().object, first.object)

	c.messages(2, func() {
		c.Eval(t, `wp_mail("customer@example.com", "From the first", "x"); switch_to_blog(2); wp_mail("customer@example.com", "From the second", "x");`)
	})
	sent := c.mail.Messages()
	for i, name := range []string{"Client A", "Two"} {
		if got := headers(sent[len(sent)-2+i]); !strings.Contains(got, "From: "+name+" <") {
			t.Error(got)
		}
	}
}

// WordPress sends all mail of a process with one mailer, and what that was configured with stays in it.
func TestMailOfAnotherSiteInOneProcess(t *testing.T) {
	const mail = `wp_mail("customer@example.com", "From the %s", "x") or throw new Exception("not sent: " . $why);`
	first, second := `add_action("wp_mail_failed", function ($e) { $GLOBALS["why"] = $e->get_error_message(); });`+fmt.Sprintf(mail, "first"), `switch_to_blog(2);`+fmt.Sprintf(mail, "second")+`restore_current_blog();`
	c := start(t)
	c.network()
	c.enable(nil)
	wordPressSent := func(t *testing.T) {
		t.Helper()
		if got := c.sendmail(); !strings.Contains(got, "Subject: From the second") || strings.Contains(got, mailer) || strings.Contains(got, "From the first") {
			t.Errorf("sendmail got %q", got)
		}
	}
	t.Run("Unmanaged", func(t *testing.T) {
		c.sendmail()
		c.messages(2, func() { c.Eval(t, first+second+first) })
		wordPressSent(t)
	})
	t.Run("WithPersistentConnections", func(t *testing.T) {
		c.messages(2, func() {
			c.Eval(t, `add_action("phpmailer_init", fn($m) => $m->SMTPKeepAlive = true);`+first+second+first)
		})
		wordPressSent(t)
	})
	for name, before := range map[string]string{
		"WithItsOwnSMTP": "",
		// As WordPress does it since 6.9.
		"WithTheSenderTakenFromFrom": `add_filter("wp_mail_charset", function ($charset) {
	if (isset($GLOBALS["phpmailer"])) { $GLOBALS["phpmailer"]->Sender = $GLOBALS["phpmailer"]->Sender ?: $GLOBALS["phpmailer"]->From; }
	return $charset;
});`,
	} {
		t.Run(name, func(t *testing.T) {
			relay := smtptest.Start(t, smtptest.Config{Encryption: site.NoEncryption})
			snippet := fmt.Sprintf(`add_action("phpmailer_init", function ($m) {
	if (2 === get_current_blog_id()) { $m->isSMTP(); $m->Host = "%s"; $m->Port = %d; }
});`, relay.Host(), relay.Port())
			c.messages(2, func() { c.Eval(t, before+snippet+first+second+first+second) })
			sent := relay.Messages()
			if len(sent) != 2 {
				t.Fatalf("the other site's own server got %d messages, want 2", len(sent))
			}
			for _, m := range sent {
				if m.User != "" || m.From != "wordpress@127.0.0.1" || m.HELOName == "client-a.example.com" ||
					strings.Contains(headers(m), mailer) || !strings.Contains(headers(m), "From the second") {
					t.Errorf("%+v\n%s", m, m.Data)
				}
			}
			// What the snippet set stays in the mailer, and the first site's mail does not take it.
			m := c.mail.Messages()
			if last := m[len(m)-1]; last.From != mailer || last.HELOName != "client-a.example.com" {
				t.Errorf("got %+v", last)
			}
		})
	}
}
