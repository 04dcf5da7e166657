//go:build linux && wordpress

package wordpresstest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// adoptable are the plugins that can be adopted, by the files of testdata that store settings in the same way.
var adoptable = map[string]string{
	"wp-mail-smtp.php":         "WP Mail SMTP 4.8.0",
	"fluent-smtp.php":          "FluentSMTP 2.3.1",
	"post-smtp.php":            "Post SMTP 3.9.5",
	"easy-wp-smtp-1.php":       "Easy WP SMTP 1.5.2",
	"easy-wp-smtp-1-plain.php": "Easy WP SMTP 1.4.6",
	"easy-wp-smtp-2.php":       "Easy WP SMTP 2.13.1",
}

// theirName is what the other plugins call the site in EHLO.
const theirName = "theirs.example.com"

// through lets another plugin send the site's mail, through the client's mail server and with its login.
func (c *client) through(t *testing.T, plugin string) {
	t.Helper()
	c.plugin(t, plugin)
	c.Eval(t, fmt.Sprintf(`their_setup(array("host" => %q, "port" => %d, "secure" => "tls", "username" => %q, "password" => %q, "from_address" => %[3]q, "from_name" => "Tom & Jerry's"));`,
		c.mail.Host(), c.mail.Port(), mailer, c.password))
}

// plugin activates a plugin of testdata that has no settings yet.
func (c *client) plugin(t *testing.T, name string) {
	t.Helper()
	own, err := os.ReadFile(filepath.Join("testdata", "adoptable", name))
	sends, otherErr := os.ReadFile(filepath.Join("testdata", "adoptable", "sends.php"))
	if err != nil || otherErr != nil {
		t.Fatal(err, otherErr)
	}
	c.Plugin(t, name, slices.Concat(own, []byte("\n"), sends))
}

// theirs returns the settings with which through sends.
func (c *client) theirs(changes object) object {
	s := c.settings(object{"from_name": "Tom & Jerry's", "helo_name": "", "reply_to": ""})
	maps.Copy(s, changes)
	return s
}

// told returns settings as the site reports them, including empty ones.
func told(settings object) (decoded object) {
	all := object{"grant": "", "token_url": "", "client_id": "", "scopes": ""}
	maps.Copy(all, settings)
	encoded, err := json.Marshal(all)
	if err == nil {
		err = json.Unmarshal(encoded, &decoded)
	}
	if err != nil {
		panic(err)
	}
	return decoded
}

// lastMail sends a mail of the site, and returns what the mail server received.
func (c *client) lastMail(t *testing.T) smtptest.Message {
	t.Helper()
	c.messages(1, func() { equal(t, c.Eval(t, send), "sent") })
	sent := c.mail.Messages()
	return sent[len(sent)-1]
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/adoptable/*-*.php")
	if err != nil || len(files) != len(adoptable) {
		t.Fatal(files, err)
	}
	for plugin, by := range adoptable {
		t.Run(plugin, func(t *testing.T) {
			c := start(t)
			c.through(t, plugin)
			theirs := c.theirs(nil)
			if plugin != "wp-mail-smtp.php" && plugin != "fluent-smtp.php" {
				theirs["reply_to"] = "replies@example.com"
			}
			inForce := object{"by": by, "transport": "smtp", "settings": told(theirs), "password_readable": true, "obstacle": nil}
			equal(t, c.read().object["in_force"], any(inForce))

			c.messages(1, func() {
				tested := c.test(object{"settings": theirs, "adopt": true, "recipient": recipient}).want(t, http.StatusOK, "")
				equal(t, tested.object["status"], any("passed"))
			})
			body := object{"settings": theirs, "adopt": true, "enabled": true, "write_id": uuid.NewString()}
			revision := c.etag()
			saved := c.call(http.MethodPut, "/smtp", body, "If-Match", revision).want(t, http.StatusOK, "")
			if saved.object["enabled"] != true || saved.object["password_set"] != true || saved.object["verification"] == nil || saved.object["in_force"] != nil {
				t.Errorf("got %s", saved.raw)
			}
			equal(t, c.call(http.MethodPut, "/smtp", body, "If-Match", revision).want(t, http.StatusOK, "").object, saved.object)
			if got := c.lastMail(t); got.HELOName == theirName || !strings.Contains(headers(got), "Tom & Jerry's") {
				t.Errorf("%s\n%s", got.HELOName, got.Data)
			}
			equal(t, c.test(object{"recipient": recipient}).want(t, http.StatusOK, "").object["status"], any("passed"))

			c.call(http.MethodDelete, "/smtp", nil, "If-Match", c.etag()).want(t, http.StatusOK, "")
			equal(t, c.read().object["in_force"], any(inForce))
			if got := c.lastMail(t); got.HELOName != theirName {
				t.Errorf("mail no longer goes through the earlier plugin: %s", got.Data)
			}
		})
	}
}

// TestAdoptOnlyWhereThePasswordGoes: requests that would send the other plugin's password to a different place are refused.
func TestAdoptOnlyWhereThePasswordGoes(t *testing.T) {
	c := start(t)
	c.through(t, "wp-mail-smtp.php")
	elsewhere := smtptest.Start(t, smtptest.Config{CA: ca, Users: map[string]secret.Text{mailer: secret.New("x")}})
	for field, changes := range map[string]object{
		"host":       {"host": "localhost"},
		"port":       {"port": elsewhere.Port()},
		"encryption": {"encryption": string(site.NoEncryption)},
		"username":   {"username": "other@example.com"},
		// The client secret would be sent to the token endpoint.
		"grant": {"grant": "client_credentials", "token_url": fmt.Sprintf("http://127.0.0.1:%d/token", elsewhere.Port()), "client_id": "x"},
	} {
		t.Run(field, func(t *testing.T) {
			c.messages(0, func() {
				for _, got := range []answer{
					c.test(object{"settings": c.theirs(changes), "adopt": true, "recipient": recipient}),
					c.put(object{"settings": c.theirs(changes), "adopt": true, "enabled": false}),
				} {
					got.want(t, http.StatusConflict, "not_in_force")
					equal(t, got.object["field"], any(field))
				}
			})
		})
	}
	if n := elsewhere.Counters().Connections; n != 0 {
		t.Errorf("got %d connections to another mail server, want 0", n)
	}
	t.Run("DeactivatedPlugin", func(t *testing.T) {
		c.Eval(t, `update_option("active_plugins", array());`)
		c.test(object{"settings": c.theirs(nil), "adopt": true, "recipient": recipient}).want(t, http.StatusConflict, "not_in_force")
		equal(t, c.read().object["in_force"].(object)["transport"], any("local"))
	})
}

func TestAdoptRefuses(t *testing.T) {
	t.Parallel()
	adopt := func(c *client, changes object) object {
		body := object{"settings": c.theirs(nil), "adopt": true, "recipient": recipient}
		maps.Copy(body, changes)
		return body
	}
	t.Run("InvalidRequests", func(t *testing.T) {
		c := start(t)
		c.through(t, "post-smtp.php")
		c.test(object{"adopt": true, "recipient": recipient}).want(t, http.StatusUnprocessableEntity, "invalid")
		c.test(adopt(c, object{"password": c.password})).want(t, http.StatusUnprocessableEntity, "invalid")
		c.put(object{"settings": c.theirs(nil), "password": c.password, "adopt": true, "enabled": false}).want(t, http.StatusUnprocessableEntity, "invalid")
		c.test(adopt(c, object{"settings": c.theirs(object{"port": 0})})).want(t, http.StatusUnprocessableEntity, "invalid")
	})
	t.Run("ManagedMail", func(t *testing.T) {
		c := start(t)
		c.through(t, "post-smtp.php")
		c.enable(nil)
		c.messages(0, func() { c.test(adopt(c, nil)).want(t, http.StatusConflict, "not_in_force") })
		c.unchanged(func() {
			c.put(object{"settings": c.theirs(nil), "adopt": true, "enabled": false}).want(t, http.StatusConflict, "not_in_force")
		})
	})
	t.Run("ChangesAfterTheTest", func(t *testing.T) {
		c := start(t)
		c.through(t, "post-smtp.php")
		c.test(adopt(c, nil)).want(t, http.StatusOK, "")
		c.Eval(t, `$o = get_option("postman_options"); $o["basic_auth_password"] = base64_encode("`+canary+`-2"); update_option("postman_options", $o);`)
		c.put(object{"settings": c.theirs(nil), "adopt": true, "enabled": true}).want(t, http.StatusConflict, "verification_required")
		c.Eval(t, `$o = get_option("postman_options"); $o["hostname"] = "smtp.evil.example"; update_option("postman_options", $o);`)
		c.put(object{"settings": c.theirs(nil), "adopt": true, "enabled": true}).want(t, http.StatusConflict, "not_in_force")
		equal(t, c.read().object["password_set"], any(false))
	})
}

// TestAdoptWithAnotherSender changes the sender in the same request.
func TestAdoptWithAnotherSender(t *testing.T) {
	c := start(t)
	c.through(t, "wp-mail-smtp.php")
	changed := c.theirs(object{"from_name": "Client A"})
	equal(t, c.test(object{"settings": changed, "adopt": true, "recipient": recipient}).want(t, http.StatusOK, "").object["status"], any("passed"))
	c.put(object{"settings": changed, "adopt": true, "enabled": true}).want(t, http.StatusOK, "")
	if got := headers(c.lastMail(t)); !strings.Contains(got, "From: Client A <") {
		t.Error(got)
	}
}

// TestInForceTells: the site reports what sends its mail and why it cannot be adopted.
func TestInForceTells(t *testing.T) {
	t.Parallel()
	option := func(name, change string) string {
		return fmt.Sprintf(`$o = get_option(%q); %s update_option(%[1]q, $o);`, name, change)
	}
	const local = "PHP's mail()"
	for name, tt := range map[string]struct {
		plugin string
		change string
		config string
		// transport and why are what is told; hidden: no settings are.
		transport, why string
		hidden         bool
	}{
		"NoPlugin":           {transport: "local", why: local, hidden: true},
		"ASnippetOfATheme":   {plugin: "configures.php", transport: "unknown", why: "does not know where its settings are", hidden: true},
		"AnUnknownPlugin":    {plugin: "ignores-hooks.php", transport: "unknown", why: "does not know where its settings are", hidden: true},
		"AQueue":             {plugin: "queues.php", transport: "unknown", why: "does not know where its settings are", hidden: true},
		"WPMailSMTP/API":     {plugin: "wp-mail-smtp.php", change: option("wp_mail_smtp", `$o["mail"]["mailer"] = "sendgrid";`), transport: "api", why: "(sendgrid)", hidden: true},
		"WPMailSMTP/Default": {plugin: "wp-mail-smtp.php", change: option("wp_mail_smtp", `$o["mail"]["mailer"] = "mail";`), transport: "local", why: local, hidden: true},
		"WPMailSMTP/Queue":   {plugin: "wp-mail-smtp.php", change: option("wp_mail_smtp", `$o["general"]["optimize_email_sending_enabled"] = true;`), transport: "smtp", why: "Optimize Email Sending"},
		"WPMailSMTP/Off":     {plugin: "wp-mail-smtp.php", change: option("wp_mail_smtp", `$o["general"]["do_not_send"] = true;`), transport: "none", why: "Do Not Send", hidden: true},
		"WPMailSMTP/Several": {plugin: "wp-mail-smtp.php", change: option("wp_mail_smtp", `$o["connections"] = array("x" => array());`), transport: "smtp", why: "several connections"},
		"WPMailSMTP/Keyless": {plugin: "wp-mail-smtp.php", change: `update_option("wp_mail_smtp_mail_key", base64_encode(str_repeat("k", 32)));`, transport: "smtp", why: "cannot be read"},
		"WPMailSMTP/Clear": {
			plugin: "wp-mail-smtp.php", change: option("wp_mail_smtp", `$o["smtp"]["encryption"] = "none"; $o["smtp"]["autotls"] = false; $o["smtp"]["host"] = "smtp.example.com";`),
			transport: "smtp", why: "in clear",
		},
		"WPMailSMTP/Postmark": {
			plugin: "wp-mail-smtp.php", change: option("wp_mail_smtp", `$o["smtp"]["user"] = $o["smtp"]["pass"] = "token-`+canary+`"; delete_option("wp_mail_smtp_mail_key");`),
			transport: "smtp", why: "username is also its password", hidden: true,
		},
		"FluentSMTP/API":     {plugin: "fluent-smtp.php", change: option("fluentmail-settings", `foreach ($o["connections"] as &$c) { $c["provider_settings"]["provider"] = "postmark"; }`), transport: "api", why: "(postmark)", hidden: true},
		"FluentSMTP/Several": {plugin: "fluent-smtp.php", change: option("fluentmail-settings", `$o["connections"]["second"] = reset($o["connections"]);`), transport: "smtp", why: "several connections"},
		"FluentSMTP/Salts":   {plugin: "fluent-smtp.php", config: `define("FLUENTMAIL_ENCRYPT_KEY", "another");`, transport: "smtp", why: "cannot be read"},
		"FluentSMTP/Empty":   {plugin: "fluent-smtp.php", change: `delete_option("fluentmail-settings");`, transport: "local", why: local, hidden: true},
		"PostSMTP/OAuth":     {plugin: "post-smtp.php", change: option("postman_options", `$o["auth_type"] = "oauth2";`), transport: "smtp", why: "OAuth", hidden: true},
		"PostSMTP/API":       {plugin: "post-smtp.php", change: option("postman_options", `$o["transport_type"] = "mailgun_api";`), transport: "api", why: "(mailgun_api)", hidden: true},
		"PostSMTP/Fallback":  {plugin: "post-smtp.php", change: option("postman_options", `$o["fallback_smtp_enabled"] = "yes";`), transport: "smtp", why: "several connections"},
		"PostSMTP/LogOnly":   {plugin: "post-smtp.php", change: option("postman_options", `$o["run_mode"] = "log_only";`), transport: "none", why: "Delivery Mode", hidden: true},
		"EasyWPSMTP/Unset":   {plugin: "easy-wp-smtp-1.php", change: option("swpsmtp_options", `$o["from_email_field"] = "";`), transport: "local", why: local, hidden: true},
		"EasyWPSMTP/Domains": {plugin: "easy-wp-smtp-1.php", change: option("swpsmtp_options", `$o["enable_domain_check"] = 1;`), transport: "smtp", why: "Domain Check", hidden: true},
		"Garbage":            {plugin: "wp-mail-smtp.php", change: `update_option("wp_mail_smtp", array("mail" => "x", "smtp" => 3, "general" => array("do_not_send" => array())));`, transport: "local", why: local, hidden: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			if tt.plugin != "" && adoptable[tt.plugin] == "" {
				c.beside(t, tt.plugin)
			} else if tt.plugin != "" {
				c.through(t, tt.plugin)
			}
			if tt.change != "" {
				c.Eval(t, tt.change)
			}
			if tt.config != "" {
				if err := c.Configure(tt.config); err != nil {
					t.Fatal(err)
				}
			}
			found := c.read().object["in_force"].(object)
			why, _ := found["obstacle"].(string)
			if found["transport"] != tt.transport || !strings.Contains(why, tt.why) || found["settings"] == nil != tt.hidden {
				t.Errorf("got %v", found)
			}
			c.messages(0, func() {
				refused := c.test(object{"settings": c.theirs(nil), "adopt": true, "recipient": recipient}).want(t, http.StatusConflict, "not_in_force")
				if !strings.Contains(refused.object["detail"].(string), tt.why) {
					t.Errorf("got %s", refused.raw)
				}
			})
		})
	}
	t.Run("TwoPlugins", func(t *testing.T) {
		c := start(t)
		c.through(t, "wp-mail-smtp.php")
		c.Plugin(t, "second.php", []byte(`<?php define("POST_SMTP_VER", "3.9.5");`))
		found := c.read().object["in_force"].(object)
		if found["by"] != "WP Mail SMTP 4.8.0 and Post SMTP 3.9.5" || !strings.Contains(found["obstacle"].(string), "all but one") {
			t.Errorf("got %v", found)
		}
	})
	t.Run("Constants", func(t *testing.T) {
		c := start(t)
		c.through(t, "wp-mail-smtp.php")
		if err := c.Configure(`define("WPMS_ON", true); define("WPMS_SMTP_HOST", "smtp.example.com"); define("WPMS_SSL", "ssl"); define("WPMS_SMTP_PORT", 465); define("WPMS_SMTP_PASS", "` + canary + `");`); err != nil {
			t.Fatal(err)
		}
		equal(t, c.read().object["in_force"].(object)["settings"], any(told(c.theirs(object{"host": "smtp.example.com", "port": 465, "encryption": "tls"}))))
	})
	t.Run("OpportunisticSTARTTLS", func(t *testing.T) {
		c := start(t)
		c.through(t, "wp-mail-smtp.php")
		c.Eval(t, option("wp_mail_smtp", `$o["smtp"]["encryption"] = "none"; $o["smtp"]["host"] = "smtp.example.com";`))
		equal(t, c.read().object["in_force"].(object)["settings"], any(told(c.theirs(object{"host": "smtp.example.com"}))))
	})
}

// TestInForceOfANetwork: each site of a network reports its own plugin.
func TestInForceOfANetwork(t *testing.T) {
	c := start(t)
	c.through(t, "wp-mail-smtp.php")
	// Or they stay in force at every later site of the network.
	defer c.Eval(t, `delete_option("wp_mail_smtp");`)
	second := c.network()
	c.Plugin(t, "wp-mail-smtp.php", []byte("<?php define('WPMS_PLUGIN_VER', '4.8.0');"))
	c.Eval(t, `switch_to_blog(2); update_option("active_plugins", array("wp-mail-smtp.php")); delete_option("wp_mail_smtp");`)
	other := *c
	other.base = c.URL + second + basePath
	equal(t, c.read().object["in_force"].(object)["transport"], any("smtp"))
	equal(t, other.read().object["in_force"].(object)["transport"], any("local"))
	t.Run("NetworkSettings", func(t *testing.T) {
		c.Eval(t, `$o = get_option("wp_mail_smtp"); $o["general"]["network_wide"] = true; update_option("wp_mail_smtp", $o);`)
		equal(t, other.read().object["in_force"].(object)["password_readable"], any(true))
	})
}
