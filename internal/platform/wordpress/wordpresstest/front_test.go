//go:build linux && wordpress

package wordpresstest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/test/tfcli"
)

// TestBehindALogin: a staging site, whose web server asks for a login in the Authorization header. WordPress sees that header too and might
// try it as an Application Password.
func TestBehindALogin(t *testing.T) {
	c := start(t)
	token := c.Eval(t, `echo SiteSMTP\Token::create("terraform");`)
	foreign := func(t *testing.T) {
		t.Helper()
		equal(t, c.status(t, "/wp-json/wp/v2/users?context=edit", "X-Site-SMTP-Token", token), http.StatusUnauthorized)
	}
	front := c.behindALogin(t, "staging", "door-"+canary)
	for name, plugin := range map[string]string{
		"ApplicationPasswordsOff": `add_filter("wp_is_application_passwords_available", "__return_false");`,
		// Some plugins open the REST API to logged-in users only.
		"UsersOnly": `add_filter("rest_authentication_errors", function ($result) {
			return true === $result || is_wp_error($result) || is_user_logged_in() ? $result : new WP_Error("rest_not_logged_in", "Log in.", array("status" => 401));
		});`,
		// Some plugins lock out addresses after a failed login.
		"NoFailedLogin": `add_action("application_password_failed_authentication", function () { wp_die("locked out", "", array("response" => 403)); });`,
	} {
		t.Run(name, func(t *testing.T) {
			c.MustUse(t, "hardened.php", []byte("<?php "+plugin))
			ws := c.staging(t, front, fmt.Sprintf("token = %q\n  username = \"staging\"\n  password = %q", token, "door-"+canary))
			c.messages(1, func() { terraform(t, ws, "apply", "-auto-approve") })
			if got := c.call(http.MethodGet, "/smtp", nil, "Authorization", "", "X-Site-SMTP-Token", token).object; got["enabled"] != true || got["updated_by"] != "token terraform" {
				t.Errorf("got %v", got)
			}
			if out := terraform(t, ws, "plan"); !strings.Contains(out, "No changes") {
				t.Error(out)
			}
			terraform(t, ws, "destroy", "-auto-approve")
			foreign(t)
		})
	}
	t.Run("MissingLoginIsReported", func(t *testing.T) {
		ws := c.staging(t, front, fmt.Sprintf("token = %q", token))
		out, err := ws.Command(t.Context(), "apply", "-auto-approve", "-no-color").CombinedOutput()
		said := strings.Join(strings.Fields(string(out)), " ")
		if err == nil || !strings.Contains(said, "the login of a staging site") || !strings.Contains(said, "set username and password to it, and token to a token of the plugin") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// staging returns a workspace whose configuration enables the site's mail, with the given provider arguments.
func (c *client) staging(t *testing.T, address, login string) tfcli.Workspace {
	t.Helper()
	return workspace(t, fmt.Sprintf(`
provider "smtp" {
  url            = %q
  platform       = "wordpress"
  test_recipient = %q
  %s
}
resource "smtp_settings" "this" {
  host        = %q
  port        = %d
  encryption  = "starttls"
  username    = %q
  password_wo = %q
  on_destroy  = "clear"

  password_wo_version = "1"
}
`, address, recipient, login, c.mail.Host(), c.mail.Port(), mailer, c.password))
}

// behindALogin returns the URL of a web server that forwards requests with that login to the site.
func (c *client) behindALogin(t *testing.T, username, password string) string {
	t.Helper()
	target, err := url.Parse(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Transport: c.http.Transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, given, _ := r.BasicAuth(); name != username || given != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="Staging"`)
			http.Error(w, "401 Authorization Required", http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
