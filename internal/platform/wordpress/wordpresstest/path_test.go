//go:build linux && wordpress

package wordpresstest_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/platform"
	plugin "github.com/sitemail/terraform-provider-smtp/internal/platform/wordpress"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// code returns the code of a plugin in testdata, which behaves like a known mail plugin.
func code(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "mailers", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// beside adds another mail plugin to the site, with its own mail server.
func (c *client) beside(t *testing.T, name string) (theirs *smtptest.Server) {
	t.Helper()
	theirs = smtptest.Start(t, smtptest.Config{Encryption: site.NoEncryption})
	if err := c.Configure(fmt.Sprintf("define( 'THEIR_PORT', %d );", theirs.Port())); err != nil {
		t.Fatal(err)
	}
	c.Plugin(t, name, code(t, name))
	return theirs
}

// TestBesideOtherMailers: on sites with another mail plugin, all mail uses the managed settings, none is sent while they are disabled, and
// an unmanaged site behaves as without this plugin.
func TestBesideOtherMailers(t *testing.T) {
	mailers, err := filepath.Glob("testdata/mailers/*.php")
	if err != nil || len(mailers) == 0 {
		t.Fatal(mailers, err)
	}
	for _, file := range mailers {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			c := start(t)
			theirs := c.beside(t, name)
			// Sends, and lets a queue run, in a request of its own.
			mail := func(t *testing.T, ours, others int) {
				t.Helper()
				before := theirs.Counters().Messages
				c.messages(ours, func() {
					c.Eval(t, `wp_mail("customer@example.com", "Your order", "It is on its way.", "Reply-To: shop@example.com");`)
					c.Eval(t, `function_exists("their_queue_run") && their_queue_run();`)
				})
				if got := theirs.Counters().Messages - before; got != others {
					t.Errorf("their server got %d messages, want %d", got, others)
				}
			}
			mail(t, 0, 1)
			c.enable(nil)
			mail(t, 1, 0)
			sent := c.mail.Messages()
			if m := sent[len(sent)-1]; m.From != mailer || m.User != mailer || !strings.Contains(headers(m), "From: Client A <"+mailer+">") ||
				!strings.Contains(headers(m), "Reply-To: shop@example.com") {
				t.Errorf("%+v\n%s", m, m.Data)
			}
			c.savedTest(t, name)
			c.put(object{"settings": c.settings(nil), "enabled": false}).want(t, http.StatusOK, "")
			mail(t, 0, 0)
			c.call(http.MethodDelete, "/smtp", nil, "If-Match", c.etag()).want(t, http.StatusOK, "")
			mail(t, 0, 1)
		})
	}
}

// savedTest makes sure that a test of the saved settings is sent like all mail, and fails if that is blocked.
func (c *client) savedTest(t *testing.T, name string) {
	t.Helper()
	got := c.test(object{"recipient": recipient}).want(t, http.StatusOK, "")
	if name == "queues.php" {
		if got.object["status"] != "failed" || !strings.Contains(got.object["error"].(string), "pre_wp_mail") {
			t.Errorf("got %s", got.raw)
		}
		return
	}
	sent := c.mail.Messages()
	last := sent[len(sent)-1]
	if got.object["status"] != "passed" || !strings.Contains(headers(last), "Message-ID: <"+got.object["message_id"].(string)+">") || last.From != mailer {
		t.Errorf("%s\n%s", got.raw, last.Data)
	}
}

// TestMailThatCannotBeWon: WordPress loads a file that defines wp_mail() before this plugin.
func TestMailThatCannotBeWon(t *testing.T) {
	c := start(t)
	c.enable(nil)
	theirs := smtptest.Start(t, smtptest.Config{Encryption: site.NoEncryption})
	if err := c.Configure(fmt.Sprintf("define( 'THEIR_PORT', %d );", theirs.Port())); err != nil {
		t.Fatal(err)
	}
	c.MustUse(t, "a-mailer.php", code(t, "ignores-hooks.php"))
	names := func(t *testing.T, text any) {
		t.Helper()
		if !strings.Contains(fmt.Sprint(text), "wp-content/mu-plugins/a-mailer.php") {
			t.Errorf("the error does not name the file: %v", text)
		}
	}
	read := c.read().object
	equal(t, read["enabled"], any(false))
	names(t, read["notice"])
	names(t, c.Eval(t, `wp_set_current_user(1); do_action("admin_notices");`))
	tested := c.test(object{"recipient": recipient}).want(t, http.StatusOK, "")
	equal(t, tested.object["status"], any("failed"))
	names(t, tested.object["error"])
	c.mustTest(nil, "passed", "data")
	refused := c.put(object{"settings": c.settings(nil), "password": c.password, "enabled": true}).want(t, http.StatusConflict, "bypassed")
	names(t, refused.object["detail"])
	c.put(object{"settings": c.settings(nil), "password": c.password, "enabled": false}).want(t, http.StatusOK, "")
}

// TestAsAPlugin installs the archive on a site with a plugin that defines wp_mail() first.
func TestAsAPlugin(t *testing.T) {
	archive, err := plugin.Zip()
	if err != nil {
		t.Fatal(err)
	}
	c := start(t)
	theirs := c.beside(t, "ignores-hooks.php")
	c.InstallZip(t, archive)
	c.enable(nil)
	works := func(t *testing.T) {
		t.Helper()
		c.messages(1, func() { equal(t, c.Eval(t, send), "sent") })
		c.call(http.MethodGet, "/smtp", nil).want(t, http.StatusOK, "")
	}
	works(t)
	t.Run("WithTheMustUseFileToo", func(t *testing.T) {
		file, err := plugin.File()
		if err != nil {
			t.Fatal(err)
		}
		c.MustUse(t, "site-smtp.php", file)
		works(t)
		c.MustUse(t, "0-site-smtp.php", file)
		works(t)
	})
	if n := theirs.Counters().Messages; n != 0 {
		t.Errorf("their server got %d messages, want 0", n)
	}
	t.Run("Deactivated", func(t *testing.T) {
		for _, file := range []string{"site-smtp.php", "0-site-smtp.php"} {
			c.Eval(t, `unlink(WPMU_PLUGIN_DIR . "/`+file+`");`)
		}
		c.Eval(t, `require_once ABSPATH . "wp-admin/includes/plugin.php"; deactivate_plugins("site-smtp/site-smtp.php");`)
		c.messages(0, func() { equal(t, c.Eval(t, send), "sent") })
		equal(t, theirs.Counters().Messages, 1)
		equal(t, c.Eval(t, `echo implode(" ", array_diff(scandir(WPMU_PLUGIN_DIR), array(".", "..")));`), "")
	})
	t.Run("Deleted", func(t *testing.T) {
		c.Eval(t, `define("WP_UNINSTALL_PLUGIN", "site-smtp/site-smtp.php"); require WP_PLUGIN_DIR . "/site-smtp/uninstall.php";
if ($left = $wpdb->get_col("SELECT option_name FROM $wpdb->options WHERE option_name LIKE 'site\\_smtp%'")) { throw new Exception(implode(" ", $left)); }`)
	})
}

// TestWhatBecomesOfMail: the site reports the failure when the password of the mailbox expires.
func TestWhatBecomesOfMail(t *testing.T) {
	c := start(t)
	c.enable(nil)
	if got := c.read().object; got["last_success"] != nil || got["last_failure"] != nil {
		t.Errorf("a test message counts as mail: %v", got)
	}
	c.Eval(t, send)
	sent := c.read().object
	if sent["last_success"] == nil || sent["last_failure"] != nil {
		t.Errorf("got %v", sent)
	}
	c.mail.SetUser(mailer, secret.New("changed at the mail service"))
	c.Eval(t, send)
	failure, _ := c.read().object["last_failure"].(object)
	if failure["stage"] != "auth" || failure["reply"].(object)["code"] != 535.0 {
		t.Errorf("got %v", failure)
	}
	for name, told := range map[string]string{
		"Notice":     c.Eval(t, `wp_set_current_user(1); do_action("admin_notices");`),
		"SiteHealth": c.Eval(t, `echo json_encode(SiteSMTP\Health::mail());`),
		"Page":       c.Eval(t, `wp_set_current_user(1); SiteSMTP\Status::page();`),
	} {
		if !strings.Contains(told, "was not sent") || !strings.Contains(told, "auth") || strings.Contains(told, canary) {
			t.Errorf("%s: %s", name, told)
		}
	}
	t.Run("EndsWhenMailIsSentAgain", func(t *testing.T) {
		c.mail.SetUser(mailer, secret.New(c.password))
		c.Eval(t, send)
		equal(t, c.Eval(t, `echo SiteSMTP\Health::mail()["status"];`), "good")
		if got := c.read().object; got["last_failure"] == nil || got["last_success"] == sent["last_success"] {
			t.Errorf("got %v", got)
		}
	})
	t.Run("EndsWithOtherSettings", func(t *testing.T) {
		if got := c.enable(object{"from_name": "Client B"}).object; got["last_success"] != nil || got["last_failure"] != nil {
			t.Errorf("got %v", got)
		}
	})
	t.Run("EndsWhenCleared", func(t *testing.T) {
		c.Eval(t, send)
		if got := c.call(http.MethodDelete, "/smtp", nil, "If-Match", c.etag()).want(t, http.StatusOK, "").object; got["last_success"] != nil {
			t.Errorf("got %v", got)
		}
	})
}

// TestToken covers the login without a user.
func TestToken(t *testing.T) {
	c := start(t)
	token := c.Eval(t, `echo SiteSMTP\Token::create("plan");`)
	with := func(header, value string) answer {
		c.Helper()
		return c.call(http.MethodGet, "/smtp", nil, "Authorization", "", header, value)
	}
	for header, value := range map[string]string{"Authorization": "Bearer " + token, "X-Site-SMTP-Token": token} {
		with(header, value).want(t, http.StatusOK, "")
		for _, wrong := range []string{value[:len(value)-1], value + "0", ""} {
			if wrong != "" {
				with(header, wrong).want(t, http.StatusUnauthorized, "unauthorized")
			}
		}
	}
	body := object{"settings": c.settings(nil), "password": c.password, "enabled": false, "write_id": "0a6d2c9e-2f3b-4a66-8b51-1f0d6f1f5a10"}
	saved := c.call(http.MethodPut, "/smtp", body, "If-Match", `"0"`, "Authorization", "Basic c3RhZ2luZzpkb29y", "X-Site-SMTP-Token", token).want(t, http.StatusOK, "")
	equal(t, saved.object["updated_by"], any("token plan"))
	t.Run("OpensTheAdminAPI", func(t *testing.T) {
		pool := adminapi.NewPool(adminapi.PoolOptions{})
		defer pool.Close()
		opened, err := platform.Open(pool, platform.Config{
			Platform: platform.WordPress, API: adminapi.Config{URL: c.URL, Limits: adminapi.DefaultLimits()}, Account: adminapi.Account{Token: secret.New(token)},
		})
		if err != nil {
			t.Fatal(err)
		}
		if state, err := opened.Read(t.Context()); err != nil || state.UpdatedBy != "token plan" {
			t.Errorf("got %+v, %v", state, err)
		}
	})
	t.Run("OpensNothingElse", func(t *testing.T) {
		equal(t, c.status(t, "/wp-json/wp/v2/users?context=edit", "Authorization", "Bearer "+token), http.StatusUnauthorized)
	})
	t.Run("WorksWithoutApplicationPasswords", func(t *testing.T) {
		c.MustUse(t, "hardened.php", []byte(`<?php add_filter("wp_is_application_passwords_available", "__return_false");`))
		with("X-Site-SMTP-Token", token).want(t, http.StatusOK, "")
		refused := c.call(http.MethodGet, "/smtp", nil).want(t, http.StatusUnauthorized, "unauthorized")
		if !strings.Contains(refused.object["detail"].(string), "has turned Application Passwords off") {
			t.Errorf("got %s", refused.raw)
		}
	})
	t.Run("HashInTheConfiguration", func(t *testing.T) {
		c.Eval(t, `SiteSMTP\Token::revoke();`)
		with("X-Site-SMTP-Token", token).want(t, http.StatusUnauthorized, "unauthorized")
		if err := c.Configure(`define("SITE_SMTP_TOKEN_SHA256", hash("sha256", "` + token + `"));`); err != nil {
			t.Fatal(err)
		}
		with("X-Site-SMTP-Token", token).want(t, http.StatusOK, "")
	})
	t.Run("HashInTheDatabaseIsRefused", func(t *testing.T) {
		row := `json_encode(array("name" => "plan", "mark" => hash("sha256", "mine")))`
		c.Eval(t, `$wpdb->replace($wpdb->options, array("option_name" => "site_smtp_token", "option_value" => `+row+`));`)
		with("X-Site-SMTP-Token", "mine").want(t, http.StatusUnauthorized, "unauthorized")
	})
}

// status returns the status of a GET with one header and no other login.
func (c *client) status(t *testing.T, path, header, value string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(header, value)
	resp, err := c.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}
