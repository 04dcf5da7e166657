package refsite_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
)

func TestBodies(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	const settings = `"settings":{"host":"smtp.example.com","port":587,"encryption":"starttls","username":"","from_address":"a@example.com","from_name":"","helo_name":""}`
	write := func(more string) string { return `{` + settings + `,` + more + `}` }
	rest := `"enabled":false,"write_id":"` + uuid.NewString() + `"`
	malformed := map[string]string{
		"Empty":             ``,
		"NotJSON":           `settings=1`,
		"Truncated":         write(rest)[:40],
		"Array":             `[]`,
		"Null":              `null`,
		"TwoValues":         write(rest) + `{}`,
		"Unknown":           write(rest + `,"site":"a"`),
		"UnknownBelow":      strings.Replace(write(rest), `"port"`, `"ports":1,"port"`, 1),
		"OtherCase":         strings.Replace(write(rest), `"host"`, `"Host"`, 1),
		"Twice":             write(rest + `,"enabled":true`),
		"TwiceBelow":        strings.Replace(write(rest), `"port"`, `"host":"b.example.com","port"`, 1),
		"Missing":           `{` + rest + `}`,
		"MissingBelow":      strings.Replace(write(rest), `"helo_name":""`, `"x":""`, 1),
		"MissingSwitch":     write(`"write_id":"` + uuid.NewString() + `"`),
		"WrongType":         strings.Replace(write(rest), `587`, `"587"`, 1),
		"WrongTypeOfString": strings.Replace(write(rest), `"smtp.example.com"`, `1`, 1),
		"ObjectForString":   strings.Replace(write(rest), `"smtp.example.com"`, `{}`, 1),
		"NullForString":     strings.Replace(write(rest), `"smtp.example.com"`, `null`, 1),
		"NullPassword":      write(rest + `,"password":null`),
		"Fraction":          strings.Replace(write(rest), `587`, `587.5`, 1),
		"HugeNumber":        strings.Replace(write(rest), `587`, `1e999`, 1),
		"NotUTF8":           strings.Replace(write(rest), `"from_name":""`, "\"from_name\":\"\xff\"", 1),
		"EmptySiteID":       write(rest + `,"site_id":""`),
	}
	for name, body := range malformed {
		t.Run(name, func(t *testing.T) {
			c.call(http.MethodPut, "/smtp", body, "If-Match", `"0"`).want(t, http.StatusBadRequest, "malformed")
		})
	}
	for _, call := range []struct{ method, path, match string }{
		{http.MethodPost, "/session", ""}, {http.MethodPut, "/smtp", `"0"`}, {http.MethodPut, "/smtp/tests/" + uuid.NewString(), ""},
	} {
		t.Run("Of"+call.method+call.path[:5], func(t *testing.T) {
			c.call(call.method, call.path, "{", "If-Match", call.match).want(t, http.StatusBadRequest, "malformed")
			c.call(call.method, call.path, `{"x":"`+strings.Repeat("x", 64<<10)+`"}`, "If-Match", call.match).want(t, http.StatusRequestEntityTooLarge, "too_large")
			for _, contentType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", ";"} {
				c.call(call.method, call.path, "{}", "If-Match", call.match, "Content-Type", contentType).want(t, http.StatusUnsupportedMediaType, "unsupported_media_type")
			}
			c.call(call.method, call.path, "{}", "If-Match", call.match, "Content-Encoding", "gzip").want(t, http.StatusUnsupportedMediaType, "unsupported_media_type")
		})
	}
	t.Run("AcceptsJSONWithACharset", func(t *testing.T) {
		c.call(http.MethodPut, "/smtp", write(rest), "If-Match", `"0"`, "Content-Type", "application/json; charset=utf-8").want(t, http.StatusOK, "")
	})
}

func TestValues(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	long := strings.Repeat("x", 300)
	bad := map[string][]any{
		"host": {
			"", "a b", "smtp.example.com:25", "https://smtp.example.com", "a\r\nb", "a\x00b", "[::1]", "fe80::1%eth0",
			"smtp\u200b.example.com", "smtp.ex\u00adample.com", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", long,
		},
		"port":         {0, -1, 65536},
		"encryption":   {"", "ssl", "STARTTLS"},
		"username":     {"a\r\nb", "a\x00b", "a\u202eb", "\u2066ab", "a\u200bb", "a\u034fb", "\ufeffab", "a\u00adb", "a\ufe0f", long},
		"from_address": {"", "a\u200b@example.com", "a\u034f@example.com", "a@ex\u115fample.com", "a", "a@b> SIZE=1", "a@example.com\r\nRCPT TO:<b@example.com>", "A <a@example.com>", "a b@example.com", "a\x00@example.com", long + "@example.com"},
		"from_name":    {"A\r\nBcc: b@example.com", "A\x00", "A <a@example.com>", "A\u202eB", "A\u200fB", "\u061cA", "A\u2069", long},
		"helo_name":    {"a b", "a\r\nQUIT", "a>", "a_b", "[127.0.0.1", long},
	}
	for _, field := range slices.Sorted(maps.Keys(bad)) {
		t.Run(field, func(t *testing.T) {
			for _, value := range bad[field] {
				settings := w.settings(object{field: value})
				got := c.put(object{"settings": settings, "password": w.password, "enabled": false}).want(t, http.StatusUnprocessableEntity, "invalid")
				equal(t, got.object["field"], any(field))
				got = c.test(object{"settings": settings, "password": w.password, "recipient": recipient}).want(t, http.StatusUnprocessableEntity, "invalid")
				equal(t, got.object["field"], any(field))
			}
		})
	}
	t.Run("AcceptsEmojiInADisplayName", func(t *testing.T) {
		settings := w.settings(object{"from_name": "Shop \u2709\ufe0f"})
		got := c.put(object{"settings": settings, "password": w.password, "enabled": false}).want(t, http.StatusOK, "")
		equal(t, got.object["settings"].(object)["from_name"], settings["from_name"])
	})
	t.Run("recipient", func(t *testing.T) {
		for _, value := range bad["from_address"] {
			got := c.test(object{"settings": w.settings(nil), "password": w.password, "recipient": value}).want(t, http.StatusUnprocessableEntity, "invalid")
			equal(t, got.object["field"], any("recipient"))
		}
	})
	t.Run("write_id", func(t *testing.T) {
		for _, value := range []string{"1", strings.Repeat("x", 36), "urn:uuid:" + uuid.NewString(), "{" + uuid.NewString() + "}"} {
			got := c.put(object{"settings": w.settings(nil), "password": w.password, "enabled": false, "write_id": value}).want(t, http.StatusUnprocessableEntity, "invalid")
			equal(t, got.object["field"], any("write_id"))
		}
	})
	t.Run("password", func(t *testing.T) {
		for _, value := range []string{"", "a\nb", "a\x00b", strings.Repeat("x", 1025)} {
			got := c.put(object{"settings": w.settings(nil), "password": value, "enabled": false}).want(t, http.StatusUnprocessableEntity, "invalid")
			equal(t, got.object["field"], any("password"))
		}
		for _, body := range []object{
			{"settings": w.settings(object{"username": ""}), "password": w.password, "recipient": recipient},
			{"password": w.password, "recipient": recipient},
		} {
			got := c.test(body).want(t, http.StatusUnprocessableEntity, "invalid")
			equal(t, got.object["field"], any("password"))
		}
	})
	t.Run("RefusesLoginWithoutEncryption", func(t *testing.T) {
		for _, host := range []string{"smtp.example.com", "10.0.0.1", "127.0.0.1.example.com", "localhost.example.com", "::2"} {
			settings := w.settings(object{"encryption": "none", "host": host})
			got := c.put(object{"settings": settings, "password": w.password, "enabled": false}).want(t, http.StatusUnprocessableEntity, "invalid")
			equal(t, got.object["field"], any("encryption"))
			c.put(object{"settings": w.settings(object{"encryption": "none", "host": host, "username": ""}), "enabled": false}).want(t, http.StatusOK, "")
		}
		for _, host := range []string{"localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1"} {
			settings := w.settings(object{"encryption": "none", "host": host})
			c.put(object{"settings": settings, "password": w.password, "enabled": false}).want(t, http.StatusOK, "")
		}
	})
	if n := w.mail.Counters().Connections; n != 0 {
		t.Errorf("got %d connections, want 0", n)
	}
}

// Settings that were stored before such characters were refused can still be switched off.
func TestDirectionsThatAreStored(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	c.put(object{"settings": w.settings(object{"username": ""}), "enabled": false}).want(t, http.StatusOK, "")
	stored := c.read().object["settings"].(object)
	w.restart(func() {
		w.editRecord(c.id, func(r *store.Record) { r.Settings.Username = "a\u202eb" })
	})
	stored["username"] = "a\u202eb"
	c.put(object{"settings": stored, "enabled": false}).want(t, http.StatusOK, "")
	stored["host"] = "smtp.example.com"
	got := c.put(object{"settings": stored, "password": w.password, "enabled": false}).want(t, http.StatusUnprocessableEntity, "invalid")
	equal(t, got.object["field"], any("username"))
	if _, err := w.server.AddLogin(t.Context(), "client-a", "admin\u200b"); err == nil {
		t.Error("accepted a username with such a character")
	}
}

func TestAnswersToItsNamesOnly(t *testing.T) {
	w := start(t, func(c *refsite.Config) { c.Hosts = []string{"mail.example.com"} })
	c := w.site("client-a")
	for host, status := range map[string]int{
		"mail.example.com": 200, "MAIL.example.com.:443": 200, "127.0.0.1:8080": 200, "localhost": 200, "evil.example": 421, "mail.example.com.evil.example": 421,
		"[::1%25evil.example]:80": 421, "::1%evil.example": 421,
	} {
		r := httptest.NewRequest(http.MethodGet, "/client-a/admin/api/v1/site", nil)
		r.Host = host
		r.Header.Set("Authorization", "Bearer "+c.token)
		got := httptest.NewRecorder()
		(*w.handler.Load()).ServeHTTP(got, r)
		if got.Code != status || status == 421 && !strings.Contains(got.Body.String(), `"code":"misdirected"`) {
			t.Errorf("%s: %d %s", host, got.Code, got.Body)
		}
	}
}

func TestAddresses(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	root := *c
	root.url = w.url
	for _, path := range []string{
		"/", "/client-a", "/client-a/", "/client-a/admin/", "/nobody" + apiPath + "/smtp", "/client-a" + apiPath, "/client-a" + apiPath + "/smtp/",
		"/client-a//admin/api/v1/smtp", "/client-a/../client-a" + apiPath + "/smtp", "/client-a" + apiPath + "/smtp/tests", "/Client-A" + apiPath + "/smtp",
	} {
		root.call(http.MethodGet, path, nil).want(t, http.StatusNotFound, "not_found")
	}
	got := c.call(http.MethodPost, "/smtp", "{}").want(t, http.StatusMethodNotAllowed, "method_not_allowed")
	if allow := got.header.Get("Allow"); allow != "GET, PUT, DELETE" {
		t.Errorf("got Allow: %s", allow)
	}
	head, err := c.http.Head(c.url + "/site")
	if err != nil {
		t.Fatal(err)
	}
	defer head.Body.Close()
	if head.StatusCode != http.StatusUnauthorized {
		t.Errorf("HEAD: got status %d", head.StatusCode)
	}
}

func TestSafeHeaders(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	for _, got := range []answer{c.read(), c.call(http.MethodGet, "/nothing", nil)} {
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		} {
			if got.header.Get(name) != want {
				t.Errorf("%s: %q", name, got.header.Get(name))
			}
		}
	}
}
