//go:build linux && wordpress

package wordpresstest_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// send is PHP code that sends a mail as a plugin does, and prints whether WordPress reports it as sent, and if not, why.
const send = `
add_action("wp_mail_failed", fn($error) => print("because: " . $error->get_error_message() . "\n"));
echo wp_mail("customer@example.com", "Your order", "It is on its way.", "Reply-To: shop@example.com") ? "sent" : "not sent";`

// headers returns the header of a message.
func headers(m smtptest.Message) string {
	header, _, _ := strings.Cut(string(m.Data), "\r\n\r\n")
	return header
}

func TestWordPressSendsThroughTheSettings(t *testing.T) {
	for _, encryption := range site.Encryptions() {
		t.Run(string(encryption), func(t *testing.T) {
			c := startWith(t, smtptest.Config{Encryption: encryption})
			c.enable(object{"encryption": string(encryption)})
			c.messages(1, func() {
				form := url.Values{"user_login": {c.Username}}
				resp, err := c.http.PostForm(c.URL+"/wp-login.php?action=lostpassword", form)
				if err != nil {
					t.Fatal(err)
				}
				if err := resp.Body.Close(); err != nil {
					t.Fatal(err)
				}
			})
			m := c.mail.Messages()[1]
			header := headers(m)
			if m.TLS != (encryption != site.NoEncryption) || m.User != mailer || m.From != mailer || m.HELOName != "client-a.example.com" ||
				len(m.To) != 1 || m.To[0] != "admin@example.com" || !strings.Contains(header, "From: Client A <"+mailer+">") || !strings.Contains(header, "Password Reset") {
				t.Errorf("%+v\n%s", m, m.Data)
			}
		})
	}
	t.Run("RelayWithoutLogin", func(t *testing.T) {
		c := start(t)
		relay := smtptest.Start(t, smtptest.Config{Encryption: site.NoEncryption})
		c.mail = relay
		c.enable(object{"encryption": "none", "username": ""})
		c.messages(1, func() { equal(t, c.Eval(t, send), "sent") })
	})
	t.Run("HostThatPHPMailerIgnores", func(t *testing.T) {
		c := startWith(t, smtptest.Config{Encryption: site.NoEncryption})
		c.enable(object{"host": "::ffff:127.0.0.1", "encryption": "none"})
		c.messages(1, func() { equal(t, c.Eval(t, send), "sent") })
	})
	t.Run("OtherPluginsCannotOverrideThem", func(t *testing.T) {
		c := start(t)
		c.enable(nil)
		c.messages(1, func() {
			equal(t, c.Eval(t, `
add_filter("wp_mail_from", fn() => "visitor@example.net", 1000);
add_filter("wp_mail_from_name", fn() => "A visitor", 1000);
add_action("phpmailer_init", function ($m) { $m->isSMTP(); $m->Host = "192.0.2.1"; $m->SMTPAutoTLS = true; $m->Sender = "visitor@example.net"; $m->SMTPDebug = 4; }, 1000);
add_action("phpmailer_init", function ($m) { $m->From = "visitor@example.net"; $m->FromName = "A visitor"; }, 1000);`+send), "sent")
		})
		m := c.mail.Messages()[1]
		if m.From != mailer || !strings.Contains(headers(m), "From: Client A <"+mailer+">") || !strings.Contains(headers(m), "Reply-To: shop@example.com") {
			t.Errorf("%+v\n%s", m, m.Data)
		}
	})
	t.Run("WithoutFromNameTheMailsOwnIsKept", func(t *testing.T) {
		c := start(t)
		c.enable(object{"from_name": ""})
		for i, plugin := range []string{
			`add_filter("wp_mail_from_name", fn() => "Shop");`,
			`add_action("phpmailer_init", fn($m) => $m->setFrom("shop@example.net", "Shop"));`,
		} {
			c.Eval(t, plugin+send)
			if m := c.mail.Messages()[1+i]; m.From != mailer || !strings.Contains(headers(m), "From: Shop <"+mailer+">") {
				t.Errorf("%+v\n%s", m, m.Data)
			}
		}
	})
	t.Run("RefusedMailIsNotSentOtherwise", func(t *testing.T) {
		c := start(t)
		c.enable(nil)
		c.mail.SetFaults(smtptest.Faults{RcptErr: map[string]*smtp.SMTPError{
			"customer@example.com": {Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user"},
		}})
		c.messages(0, func() {
			if got := c.Eval(t, send); !strings.HasSuffix(got, "not sent") || !strings.Contains(got, "customer@example.com") {
				t.Error(got)
			}
		})
	})
	t.Run("SharesAConnection", func(t *testing.T) {
		c := start(t)
		c.enable(nil)
		before := c.mail.Counters()
		c.messages(5, func() {
			c.Eval(t, strings.Repeat(`wp_mail("customer@example.com", "Hello", str_repeat(".\n", 2000));`, 5))
		})
		if after := c.mail.Counters(); after.Connections != before.Connections+1 || after.Logins != before.Logins+1 {
			t.Errorf("want one connection and one login for all mails: before %+v, after %+v", before, after)
		}
	})
	t.Run("WithEveryFeature", func(t *testing.T) {
		c := start(t)
		c.enable(nil)
		c.messages(1, func() {
			equal(t, c.Eval(t, `
file_put_contents(SITE_ROOT . "/invoice.txt", "An invoice.");
file_put_contents(SITE_ROOT . "/logo.png", base64_decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="));
add_filter("wp_mail_content_type", fn() => "text/html");
add_filter("wp_mail_embed_args", function ($part) { $part["name"] = "our-logo.png"; return $part; });
add_action("phpmailer_init", function ($m) { $m->AltBody = "In short."; });
echo wp_mail(
	array("customer@example.com", "Second <second@example.com>"), "Grüße", "<p>Hello <img src='cid:logo'></p>",
	array("Cc: Third <third@example.com>", "Bcc: fourth@example.com, fifth@example.com", "X-Order: 7"),
	array("Invoice 7.txt" => SITE_ROOT . "/invoice.txt"), array("logo" => SITE_ROOT . "/logo.png")) ? "sent" : "not sent";`), "sent")
		})
		m := c.mail.Messages()[1]
		equal(t, strings.Join(m.To, " "), "customer@example.com second@example.com third@example.com fourth@example.com fifth@example.com")
		data := string(m.Data)
		for _, part := range []string{
			"To: customer@example.com, Second <second@example.com>", "Cc: Third <third@example.com>", "X-Order: 7", "Subject: =?UTF-8?",
			"multipart/alternative", "In short.", "text/html", "Content-ID: <logo>", "name=our-logo.png", "Content-Disposition: inline",
			`name="Invoice 7.txt"`, base64.StdEncoding.EncodeToString([]byte("An invoice.")),
		} {
			if !strings.Contains(data, part) {
				t.Errorf("the mail lacks %q", part)
			}
		}
		if strings.Contains(data, "fourth@example.com") {
			t.Error("the message shows the Bcc recipient")
		}
		if t.Failed() {
			t.Logf("%s", m.Data)
		}
	})
}

// sendmail returns and deletes what was sent without any settings.
func (c *client) sendmail() string {
	c.Helper()
	return c.Eval(c, `$file = dirname(SITE_ROOT, 2) . "/sendmail"; echo @file_get_contents($file); @unlink($file);`)
}

func TestMailThatIsNotManaged(t *testing.T) {
	c := start(t)
	c.sendmail()
	wordPressSends := func(t *testing.T) {
		t.Helper()
		c.messages(0, func() { equal(t, c.Eval(t, send), "sent") })
		if got := c.sendmail(); !strings.Contains(got, "Subject: Your order") || strings.Contains(got, mailer) {
			t.Errorf("sendmail got %q", got)
		}
		equal(t, c.Eval(t, `wp_set_current_user(1); do_action("admin_notices");`), "")
	}
	t.Run("Unconfigured", wordPressSends)
	t.Run("Off", func(t *testing.T) {
		c.put(object{"settings": c.settings(nil), "password": c.password, "enabled": false}).want(t, http.StatusOK, "")
		c.messages(0, func() { equal(t, c.Eval(t, send), "because: Outgoing mail is off.\nnot sent") })
		if got := c.sendmail(); got != "" {
			t.Errorf("sendmail got %q", got)
		}
		if got := c.Eval(t, `wp_set_current_user(1); do_action("admin_notices");`); !strings.Contains(got, "notice-warning") {
			t.Errorf("got the notice %q", got)
		}
		c.messages(1, func() { c.mustTest(nil, "passed", "data") })
	})
	t.Run("Cleared", func(t *testing.T) {
		c.call(http.MethodDelete, "/smtp", nil, "If-Match", c.etag()).want(t, http.StatusOK, "")
		wordPressSends(t)
	})
	t.Run("Blocked", func(t *testing.T) {
		const blocked = `add_filter("pre_wp_mail", "__return_false");`
		c.messages(0, func() { equal(t, c.Eval(t, blocked+send), "not sent") })
		c.enable(nil)
		c.messages(0, func() { equal(t, c.Eval(t, blocked+send), "not sent") })
		if got := c.sendmail(); got != "" {
			t.Errorf("sendmail got %q", got)
		}
	})
	t.Run("ClearedBetweenTwoMails", func(t *testing.T) {
		revision := c.enable(nil).object["revision"]
		c.messages(1, func() {
			equal(t, c.Eval(t, send+fmt.Sprintf(`SiteSMTP\Site::clear(%q, "x");`, revision)+send), "sentsent")
		})
		if got := c.sendmail(); strings.Count(got, "Subject: Your order") != 1 || strings.Contains(got, mailer) {
			t.Errorf("sendmail got %q", got)
		}
	})
}

// verified saves settings and enables them, as if they had passed a test.
func (c *client) verified(settings object) {
	c.Helper()
	c.Eval(c, fmt.Sprintf(`
$r = new SiteSMTP\Record();
$r->settings = SiteSMTP\Settings::of(array("host" => "%s", "port" => %d, "encryption" => "%s", "username" => "%s", "from_address" => "%s"));
$r->password = new SiteSMTP\Secret("%s");
$r->password_id = "1";
$r->enabled = true;
$r->verification = array("tested_at" => SiteSMTP\Clock::now(), "recipient" => "", "reply" => "", "message_id" => "");
SiteSMTP\Store::swap("site_smtp", SiteSMTP\Store::get("site_smtp"), $r->to_row());`,
		settings["host"], settings["port"], settings["encryption"], settings["username"], settings["from_address"], c.password))
	if c.read().object["enabled"] != true {
		c.Fatal("mail is not enabled")
	}
}

func TestMailIsAsStrictAsTests(t *testing.T) {
	c := start(t)
	refused := func(t *testing.T) {
		t.Helper()
		if got := c.Eval(t, send); !strings.HasSuffix(got, "not sent") {
			t.Error(got)
		}
	}
	stripped := func(p *smtptest.Peer) {
		p.Say("250-script", "250 AUTH PLAIN LOGIN")
		p.Wait()
	}
	injected := func(p *smtptest.Peer) {
		p.Send("220 go ahead\r\n250-script\r\n250 AUTH PLAIN\r\n")
		p.Wait()
	}
	for at, fault := range map[int]func(*smtptest.Peer){1: stripped, 2: injected} {
		s := script(t, dialogue(t), at, fault)
		c.verified(c.settings(object{"host": s.Host(), "port": s.Port()}))
		refused(t)
		for _, line := range s.Heard() {
			if strings.HasPrefix(line, "AUTH") || strings.HasPrefix(line, "MAIL") {
				t.Errorf("the site sent %q in clear text", line)
			}
		}
	}
	t.Run("UntrustedCertificate", func(t *testing.T) {
		stranger, err := smtptest.NewCA()
		if err != nil {
			t.Fatal(err)
		}
		for _, encryption := range []site.Encryption{site.STARTTLS, site.TLS} {
			c.mail = smtptest.Start(t, smtptest.Config{CA: stranger, Encryption: encryption})
			c.verified(c.settings(object{"encryption": string(encryption)}))
			refused(t)
		}
	})
	t.Run("ForbiddenAddress", func(t *testing.T) {
		if err := c.Configure("define( 'SITE_SMTP_ALLOW_NETWORKS', '' );"); err != nil {
			t.Fatal(err)
		}
		refused(t)
	})
	if n := c.mail.Counters(); n.Logins != 0 {
		t.Errorf("got %+v", n)
	}
}

func TestSecretsStayInTheBox(t *testing.T) {
	c := start(t)
	c.enable(nil)
	body := c.candidate()
	body["password"] = c.password + "!"
	c.test(body).want(t, http.StatusOK, "")
	c.Eval(t, send)
	dump := c.Eval(t, `
foreach ($wpdb->get_col("SHOW TABLES") as $table) { print_r($wpdb->get_results("SELECT * FROM $table")); }
var_dump(SiteSMTP\Site::read()); print_r(SiteSMTP\Site::read()); echo json_encode(SiteSMTP\Site::read());`)
	if !strings.Contains(dump, "site_smtp_test_") {
		t.Fatal("the dump lacks the plugin's rows")
	}
	for _, form := range []string{
		c.password, hex.EncodeToString([]byte(c.password)), base64.StdEncoding.EncodeToString([]byte(c.password))[:40],
		base64.StdEncoding.EncodeToString([]byte("\x00" + mailer + "\x00" + c.password))[:60], url.QueryEscape(c.password),
	} {
		if strings.Contains(dump, form) {
			t.Errorf("the dump holds the password as %s", form)
		}
	}
}
