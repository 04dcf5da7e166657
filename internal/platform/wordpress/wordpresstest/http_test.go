//go:build linux && wordpress

package wordpresstest_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

func TestBodies(t *testing.T) {
	c := start(t)
	encoded, err := json.Marshal(c.settings(object{"username": ""}))
	if err != nil {
		t.Fatal(err)
	}
	settings := string(encoded)
	rest := `"enabled":false,"write_id":"` + uuid.NewString() + `"`
	write := func(more string) string { return `{"settings":` + settings + `,` + more + `}` }
	below := func(old, changed string) string {
		if !strings.Contains(settings, old) {
			t.Fatalf("%s is missing in %s", old, settings)
		}
		return `{"settings":` + strings.Replace(settings, old, changed, 1) + `,` + rest + `}`
	}
	for name, body := range map[string]string{
		"Empty":             ``,
		"NotJSON":           `settings=1`,
		"Truncated":         write(rest)[:40],
		"Array":             `[]`,
		"Null":              `null`,
		"TwoValues":         write(rest) + `{}`,
		"Unknown":           write(rest + `,"site":"a"`),
		"UnknownBelow":      below(`"host"`, `"hosts":"a","host"`),
		"OtherCase":         below(`"host"`, `"Host"`),
		"Twice":             write(rest + `,"enabled":true`),
		"TwiceInDisguise":   write(rest + `,"en\u0061bled":true`),
		"TwiceBelow":        below(`"host"`, `"host":"b.example.com","host"`),
		"Missing":           `{` + rest + `}`,
		"MissingBelow":      below(`"helo_name":"client-a.example.com",`, ``),
		"WrongType":         below(`"from_name":"Client A"`, `"from_name":1`),
		"NumberInQuotes":    below(`"port":`, `"port":"1","x":`),
		"ObjectForString":   below(`"Client A"`, `{}`),
		"NullForString":     below(`"Client A"`, `null`),
		"NullPassword":      write(rest + `,"password":null`),
		"Fraction":          below(`"port":`, `"port":1.5,"x":`),
		"HugeNumber":        below(`"port":`, `"port":1e999,"x":`),
		"NotUTF8":           below(`"Client A"`, "\"\xff\""),
		"HalfACharacter":    below(`"Client A"`, `"\ud800"`),
		"EmptySiteID":       write(rest + `,"site_id":""`),
		"DeeplyNested":      strings.Repeat(`{"a":`, 100) + strings.Repeat(`}`, 100),
		"EmptyName":         write(rest + `,"":1`),
		"NULInTheName":      write(rest + `,"\u0000enabled":1`),
		"ManyBracesInAName": write(rest + `,"{{{{\"":1`),
	} {
		t.Run(name, func(t *testing.T) {
			c.call(http.MethodPut, "/smtp", body, "If-Match", `"0"`).want(t, http.StatusBadRequest, "malformed")
		})
	}
	for _, path := range []string{"/smtp", newTest()} {
		c.call(http.MethodPut, path, "{", "If-Match", `"0"`).want(t, http.StatusBadRequest, "malformed")
		c.call(http.MethodPut, path, `{"x":"`+strings.Repeat("x", 64<<10)+`"}`, "If-Match", `"0"`).want(t, http.StatusRequestEntityTooLarge, "too_large")
		for _, contentType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"} {
			c.call(http.MethodPut, path, "{}", "If-Match", `"0"`, "Content-Type", contentType).want(t, http.StatusUnsupportedMediaType, "unsupported_media_type")
		}
		c.call(http.MethodPut, path, "{}", "If-Match", `"0"`, "Content-Encoding", "gzip").want(t, http.StatusUnsupportedMediaType, "unsupported_media_type")
	}
	t.Run("AcceptsJSONWithACharset", func(t *testing.T) {
		c.call(http.MethodPut, "/smtp", write(rest), "If-Match", `"0"`, "Content-Type", "application/json; charset=utf-8").want(t, http.StatusOK, "")
	})
}

func TestValues(t *testing.T) {
	t.Parallel()
	c := start(t)
	long := strings.Repeat("x", 300)
	bad := map[string][]any{
		"host": {
			"", "a b", "smtp.example.com:25", "https://smtp.example.com", "a\r\nb", "a\n", "a\x00b", "[::1]", "fe80::1%eth0",
			"2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "a..b", "-a.example.com", long,
		},
		"port":         {0, -1, 65536},
		"encryption":   {"", "ssl", "STARTTLS"},
		"username":     {"a\r\nb", "a\x00b", "a\u202eb", long},
		"from_address": {"", "a", "a@b> SIZE=1", "a@example.com\r\nRCPT TO:<b@example.com>", "a@example.com\n", "A <a@example.com>", "a b@example.com", "a\x00@example.com", long + "@example.com"},
		"from_name":    {"A\r\nBcc: b@example.com", "A\x00", "A\u0085", "A\u2066B", "A <a@example.com>", long},
		"helo_name":    {"a b", "a\r\nQUIT", "a\n", "a>", "a_b", "[127.0.0.1", "[::1]", "[IPv6:127.0.0.1]", long},
	}
	for _, field := range slices.Sorted(maps.Keys(bad)) {
		t.Run(field, func(t *testing.T) {
			for _, value := range bad[field] {
				settings := c.settings(object{field: value})
				for _, got := range []answer{
					c.put(object{"settings": settings, "password": c.password, "enabled": false}),
					c.test(object{"settings": settings, "password": c.password, "recipient": recipient}),
				} {
					equal(t, got.want(t, http.StatusUnprocessableEntity, "invalid").object["field"], any(field))
				}
			}
		})
	}
	refused := func(t *testing.T, field string, got answer) {
		t.Helper()
		equal(t, got.want(t, http.StatusUnprocessableEntity, "invalid").object["field"], any(field))
	}
	t.Run("recipient", func(t *testing.T) {
		for _, value := range bad["from_address"] {
			refused(t, "recipient", c.test(object{"settings": c.settings(nil), "password": c.password, "recipient": value}))
		}
	})
	t.Run("write_id", func(t *testing.T) {
		for _, value := range []string{"", "1", strings.Repeat("x", 36), "urn:uuid:" + uuid.NewString(), uuid.NewString() + "\n"} {
			refused(t, "write_id", c.put(object{"settings": c.settings(nil), "password": c.password, "enabled": false, "write_id": value}))
		}
	})
	t.Run("password", func(t *testing.T) {
		for _, value := range []string{"", "a\nb", "a\x00b", strings.Repeat("x", 1025), "********", "••••", "●●"} {
			refused(t, "password", c.put(object{"settings": c.settings(nil), "password": value, "enabled": false}))
		}
		refused(t, "password", c.test(object{"settings": c.settings(object{"username": ""}), "password": c.password, "recipient": recipient}))
		refused(t, "password", c.test(object{"password": c.password, "recipient": recipient}))
	})
	t.Run("RefusesLoginWithoutEncryption", func(t *testing.T) {
		for _, host := range []string{"smtp.example.com", "10.0.0.1", "127.0.0.1.example.com", "localhost.example.com", "::2"} {
			settings := c.settings(object{"encryption": "none", "host": host})
			refused(t, "encryption", c.put(object{"settings": settings, "password": c.password, "enabled": false}))
			c.put(object{"settings": c.settings(object{"encryption": "none", "host": host, "username": ""}), "enabled": false}).want(t, http.StatusOK, "")
		}
		for _, host := range []string{"localhost", "LOCALHOST", "127.9.9.9", "::1", "::ffff:127.0.0.1"} {
			settings := c.settings(object{"encryption": "none", "host": host})
			c.put(object{"settings": settings, "password": c.password, "enabled": false}).want(t, http.StatusOK, "")
		}
	})
	t.Run("AcceptsUnusualValues", func(t *testing.T) {
		for field, value := range (object{
			"host": "smtp_1.internal.", "username": "käufer \"a\" \\ %s", "from_name": "Übersetzer 'O' %d 日本 🙂", "helo_name": "[IPv6:2001:db8::1]",
		}) {
			settings := c.settings(object{field: value})
			c.put(object{"settings": settings, "password": "pä%s'\\\"\u2028 🙂", "enabled": false}).want(t, http.StatusOK, "")
			equal(t, c.read().object["settings"].(object)[field], value)
		}
	})
	if n := c.mail.Counters().Connections; n != 0 {
		t.Errorf("got %d connections, want 0", n)
	}
}

func TestAddresses(t *testing.T) {
	c := start(t)
	for _, path := range []string{"/nothing", "/smtp/tests", "/smtp/tests/", "/session", "/smtp/nothing"} {
		c.call(http.MethodGet, path, nil).want(t, http.StatusNotFound, "not_found")
	}
	c.call(http.MethodPut, "/smtp/tests/1", c.candidate()).want(t, http.StatusBadRequest, "malformed")
	c.call(http.MethodGet, "/smtp/tests/1", nil).want(t, http.StatusNotFound, "not_found")
	for method, allow := range map[string]string{http.MethodPost: "GET, PUT, DELETE", http.MethodPatch: "GET, PUT, DELETE"} {
		if got := c.call(method, "/smtp", "{}").want(t, http.StatusMethodNotAllowed, "method_not_allowed"); got.header.Get("Allow") != allow {
			t.Errorf("%s: got Allow %s", method, got.header.Get("Allow"))
		}
	}
	equal(t, c.call(http.MethodGet, "/site", nil).want(t, http.StatusOK, "").object, object{
		"site_id": c.read().object["site_id"], "name": c.Title, "product": "WordPress " + c.Eval(t, "echo get_bloginfo('version');"), "api_version": 1.0,
		"software": object{"name": "site-smtp", "version": c.Eval(t, "echo SITE_SMTP_VERSION;")},
	})
	list := c.call(http.MethodGet, "/smtp/presets", nil).want(t, http.StatusOK, "")
	if n := len(list.object["presets"].([]any)); n < 10 {
		t.Errorf("got %d presets", n)
	}
	t.Run("WithPlainPermalinks", func(t *testing.T) {
		c.Eval(t, `update_option("permalink_structure", "");`)
		defer c.Eval(t, `update_option("permalink_structure", "/%postname%/");`)
		pretty := c.base
		defer func() { c.base = pretty }()
		c.base = c.URL + "/index.php?rest_route=/site-smtp/v1"
		c.put(object{"settings": c.settings(nil), "password": c.password, "enabled": false}).want(t, http.StatusOK, "")
		c.call(http.MethodGet, newTest(), nil).want(t, http.StatusNotFound, "not_found")
	})
}

func TestUsers(t *testing.T) {
	c := start(t)
	refused := func(t *testing.T) {
		t.Helper()
		for _, call := range []struct {
			method, path string
			body         any
		}{
			{http.MethodGet, "/site", nil},
			{http.MethodGet, "/smtp", nil},
			{http.MethodPut, "/smtp", object{"settings": c.settings(nil), "password": c.password, "enabled": false, "write_id": uuid.NewString()}},
			{http.MethodDelete, "/smtp", nil},
			{http.MethodGet, newTest(), nil},
			{http.MethodPut, newTest(), c.candidate()},
			{http.MethodGet, "/smtp/presets", nil},
		} {
			got := c.call(call.method, call.path, call.body, "If-Match", `"0"`).want(t, http.StatusUnauthorized, "unauthorized")
			if !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("got WWW-Authenticate %s, want Basic", got.header.Get("WWW-Authenticate"))
			}
		}
	}
	username, password := c.Username, c.Password
	defer func() { c.Username, c.Password = username, password }()
	for name, login := range map[string][2]string{
		"NoLogin":       {"", ""},
		"WrongPassword": {username, "wrong"},
		"OtherUser":     {"nobody", password.Reveal()},
		"Editor":        {"editor", c.Eval(t, addUser("editor", "editor"))},
	} {
		t.Run(name, func(t *testing.T) {
			c.Username, c.Password = login[0], secret.New(login[1])
			refused(t)
		})
	}
	t.Run("UserWithOnlyTheCapability", func(t *testing.T) {
		c.Username = "plan"
		c.Password = secret.New(c.Eval(t, `add_role("site_smtp", "Site SMTP", array("manage_site_smtp" => true));`+addUser("plan", "site_smtp")))
		c.call(http.MethodGet, "/smtp", nil).want(t, http.StatusOK, "")
		base := c.base
		defer func() { c.base = base }()
		c.base = c.URL + "/wp-json/wp/v2"
		for _, path := range []string{"/settings", "/users?context=edit", "/plugins"} {
			if got, err := c.tryAny(http.MethodGet, path); err != nil || got != http.StatusForbidden {
				t.Errorf("%s: got %d, %v; want 403", path, got, err)
			}
		}
	})
	t.Run("Administrator", func(t *testing.T) {
		c.Username, c.Password = "agency", secret.New(c.Eval(t, addUser("agency", "administrator")))
		got := c.put(object{"settings": c.settings(nil), "password": c.password, "enabled": false}).want(t, http.StatusOK, "")
		equal(t, got.object["updated_by"], any("agency"))
	})
	if n := c.mail.Counters().Connections; n != 0 {
		t.Errorf("got %d connections, want 0", n)
	}
}

// tryAny sends a request that the contract does not define.
func (c *client) tryAny(method, path string) (status int, err error) {
	r, err := http.NewRequestWithContext(c.Context(), method, c.base+path, http.NoBody)
	if err != nil {
		return 0, err
	}
	r.SetBasicAuth(c.Username, c.Password.Reveal())
	resp, err := c.http.Do(r)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// addUser returns PHP code that creates a user with that role, unless it exists, and prints an Application Password of that user.
func addUser(name, role string) string {
	return `
$user = username_exists("` + name + `") ?: wp_insert_user(array("user_login" => "` + name + `", "user_pass" => wp_generate_password(), "role" => "` + role + `"));
WP_Application_Passwords::delete_all_application_passwords($user);
echo WP_Application_Passwords::create_new_application_password($user, array("name" => "test"))[0];`
}
