//go:build linux && wordpress

package wordpresstest_test

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/platform/siteadmin"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func TestUnconfigured(t *testing.T) {
	c := start(t)
	got := c.read()
	equal(t, got.object, object{
		"site_id": got.object["site_id"], "api_version": 1.0, "enabled": false, "revision": "0", "updated_at": nil, "updated_by": nil,
		"last_write_id": nil, "password_set": false, "password_id": nil, "verification": nil, "last_success": nil, "last_failure": nil, "in_force": got.object["in_force"],
		"auth_methods": []any{"password", "oauth2"}, "grants": []any{"client_credentials", "refresh_token", "jwt_bearer"}, "software": object{"name": "site-smtp", "version": siteadmin.WordPressPlugin},
		"settings": object{
			"host": "", "port": 0.0, "encryption": "", "username": "", "from_address": "", "from_name": "", "helo_name": "", "reply_to": "",
			"grant": "", "token_url": "", "client_id": "", "scopes": "",
		},
	})
	if got.header.Get("ETag") != `"0"` {
		t.Errorf("got ETag %s", got.header.Get("ETag"))
	}
	if other := start(t).read(); other.object["site_id"] == got.object["site_id"] {
		t.Error("two sites have the same ID")
	}
}

// changes returns a different valid value for each setting.
func (c *client) changes() object {
	return object{
		"host": "127.0.0.2", "port": c.mail.Port()%65535 + 1, "encryption": "tls", "username": "other@example.com",
		"from_address": "other@example.com", "from_name": "client A", "helo_name": "other.example.com", "reply_to": "other@example.com",
		"grant": "client_credentials", "token_url": "https://other.example.com/token", "client_id": "other", "scopes": "mail other",
	}
}

// changed returns the settings with a different value for one of them.
func (c *client) changed(f site.Setting) object {
	c.Helper()
	change, ok := c.changes()[f.Name]
	if !ok {
		c.Fatalf("the setting %s is new: add it to changes", f.Name)
	}
	if f.OfToken() {
		// They make sense only together.
		return c.settings(object{"grant": "client_credentials", "token_url": "https://login.example.com/token", "client_id": "app", f.Name: change})
	}
	return c.settings(object{f.Name: change})
}

func TestPasswordRule(t *testing.T) {
	c := start(t)
	c.enable(nil)
	logins := c.mail.Counters().Logins
	for _, f := range site.AllSettings() {
		changed := c.changed(f)
		c.unchanged(func() {
			for _, enabled := range []bool{false, true} {
				got := c.put(object{"settings": changed, "enabled": enabled}).want(t, http.StatusUnprocessableEntity, "password_required")
				equal(t, got.object["field"], any("password"))
			}
			c.test(object{"settings": changed, "recipient": recipient}).want(t, http.StatusUnprocessableEntity, "password_required")
			c.put(object{"settings": changed, "password": c.password, "enabled": true}).want(t, http.StatusConflict, "verification_required")
		})
	}
	if got := c.mail.Counters().Logins; got != logins {
		t.Errorf("got %d logins", got-logins)
	}
	t.Run("RemovingTheUsernameNeedsNoPassword", func(t *testing.T) {
		got := c.put(object{"settings": c.settings(object{"username": ""}), "enabled": false}).want(t, http.StatusOK, "")
		if got.object["password_set"] != false || got.object["password_id"] != nil {
			t.Errorf("got %s", got.raw)
		}
	})
}

func TestRevisions(t *testing.T) {
	c := start(t)
	body := func() object {
		return object{"settings": c.settings(nil), "password": c.password, "enabled": false, "write_id": uuid.NewString()}
	}
	c.put(body()).want(t, http.StatusOK, "")
	c.unchanged(func() {
		for _, method := range []string{http.MethodPut, http.MethodDelete} {
			c.call(method, "/smtp", body()).want(t, http.StatusPreconditionRequired, "precondition_required")
			for _, tag := range []string{"1", "*", `"1", "2"`, `w/"1"`, `"1`} {
				c.call(method, "/smtp", body(), "If-Match", tag).want(t, http.StatusBadRequest, "malformed")
			}
			for _, tag := range []string{`"0"`, `"2"`, `""`, `W/"0"`, `"01"`} {
				got := c.call(method, "/smtp", body(), "If-Match", tag).want(t, http.StatusPreconditionFailed, "stale")
				if got.object["revision"] != "1" || got.object["updated_by"] != c.Username {
					t.Errorf("got %s", got.raw)
				}
			}
		}
	})
	if got := c.call(http.MethodPut, "/smtp", body(), "If-Match", `W/"1"`).want(t, http.StatusOK, ""); got.header.Get("ETag") != `"2"` {
		t.Errorf("got ETag %s", got.header.Get("ETag"))
	}
}

func TestRepeatedWrite(t *testing.T) {
	c := start(t)
	body := object{"settings": c.settings(nil), "password": c.password, "enabled": false, "write_id": uuid.NewString()}
	first := c.call(http.MethodPut, "/smtp", body, "If-Match", `"0"`).want(t, http.StatusOK, "")
	t.Run("SameBodyChangesNothing", func(t *testing.T) {
		equal(t, c.call(http.MethodPut, "/smtp", body, "If-Match", `"0"`).want(t, http.StatusOK, "").object, first.object)
	})
	t.Run("RefusesADifferentBody", func(t *testing.T) {
		for name, value := range (object{"password": "another", "enabled": true, "settings": c.settings(object{"from_name": "B"})}) {
			other := maps.Clone(body)
			other[name] = value
			got := c.call(http.MethodPut, "/smtp", other, "If-Match", `"1"`).want(t, http.StatusUnprocessableEntity, "key_reused")
			equal(t, got.object["field"], any("write_id"))
		}
	})
	t.Run("IsStaleAfterAnotherWrite", func(t *testing.T) {
		c.put(object{"settings": c.settings(nil), "enabled": false}).want(t, http.StatusOK, "")
		c.call(http.MethodPut, "/smtp", body, "If-Match", `"0"`).want(t, http.StatusPreconditionFailed, "stale")
	})
}

func TestEditorsAtTheSameTime(t *testing.T) {
	c := start(t)
	for round := range 5 {
		// Names that the database's collation takes for the same.
		names := []string{"Editor", "EDITOR", "Éditor", "editor", "editor ", "eDitor"}
		got := make([]answer, len(names))
		var all sync.WaitGroup
		for i, name := range names {
			all.Go(func() {
				var err error
				got[i], err = c.try(t.Context(), http.MethodPut, "/smtp", object{
					"settings": c.settings(object{"from_name": name}), "password": c.password, "enabled": false, "write_id": uuid.NewString(),
				}, "If-Match", fmt.Sprintf("%q", strconv.Itoa(round)))
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		won := 0
		for i, a := range got {
			if a.status == http.StatusOK {
				won++
				equal(t, c.read().object, a.object)
				equal(t, a.object["settings"].(object)["from_name"], any(names[i]))
			} else {
				a.want(t, http.StatusPreconditionFailed, "stale")
			}
		}
		if won != 1 {
			t.Fatalf("%d writes of one revision succeeded, want 1", won)
		}
	}
}

func TestRowsAreComparedByteByByte(t *testing.T) {
	got := start(t).Eval(t, `
SiteSMTP\Store::add("site_smtp_x", "row");
echo json_encode(array(SiteSMTP\Store::swap("site_smtp_x", "ROW", "x"), SiteSMTP\Store::swap("site_smtp_x", "row ", "x"), SiteSMTP\Store::swap("site_smtp_x", "row", "x")));`)
	equal(t, got, "[false,false,true]")
}

func TestClear(t *testing.T) {
	c := start(t)
	before := c.enable(nil)
	got := c.call(http.MethodDelete, "/smtp", nil, "If-Match", c.etag()).want(t, http.StatusOK, "")
	equal(t, got.object, c.read().object)
	if got.object["enabled"] != false || got.object["password_set"] != false || got.object["verification"] != nil ||
		got.object["last_write_id"] != nil || got.object["updated_by"] != c.Username || got.object["settings"].(object)["host"] != "" ||
		got.object["revision"] == before.object["revision"] || got.object["site_id"] != before.object["site_id"] {
		t.Errorf("got %s", got.raw)
	}
	c.test(object{"recipient": recipient}).want(t, http.StatusConflict, "not_configured")
}

func TestAnotherSite(t *testing.T) {
	a, b := start(t), start(t)
	id := func(c *client) any { return c.read().object["site_id"] }
	a.unchanged(func() {
		a.put(object{"settings": a.settings(nil), "password": a.password, "enabled": false, "site_id": id(b)}).want(t, http.StatusConflict, "wrong_site")
		a.test(object{"settings": a.settings(nil), "password": a.password, "recipient": recipient, "site_id": id(b)}).want(t, http.StatusConflict, "wrong_site")
	})
	a.unchanged(func() {
		a.call(http.MethodDelete, "/smtp", nil, "If-Match", a.etag(), "Site-ID", id(b).(string)).want(t, http.StatusConflict, "wrong_site")
	})
	a.call(http.MethodDelete, "/smtp", nil, "If-Match", a.etag(), "Site-ID", " ").want(t, http.StatusBadRequest, "malformed")
	a.put(object{"settings": a.settings(nil), "password": a.password, "enabled": false, "site_id": id(a)}).want(t, http.StatusOK, "")
	a.call(http.MethodDelete, "/smtp", nil, "If-Match", a.etag(), "Site-ID", id(a).(string)).want(t, http.StatusOK, "")
	if n := a.mail.Counters().Connections; n != 0 {
		t.Errorf("got %d connections, want 0", n)
	}
}

func TestDisableAndClearWithALostPassword(t *testing.T) {
	for name, leave := range map[string]func(*client) answer{
		"Disable": func(c *client) answer { return c.put(object{"settings": c.settings(nil), "enabled": false}) },
		"Clear": func(c *client) answer {
			return c.call(http.MethodDelete, "/smtp", nil, "If-Match", c.etag())
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			c.enable(nil)
			c.mail.SetUser(mailer, secret.New("changed at the mail service"))
			if got := leave(c).want(t, http.StatusOK, ""); got.object["enabled"] != false {
				t.Errorf("got %s", got.raw)
			}
		})
	}
}

func TestStorageThatFails(t *testing.T) {
	c := start(t)
	c.put(object{"settings": c.settings(nil), "password": c.password, "enabled": false}).want(t, http.StatusOK, "")
	for _, change := range []string{"INSERT", "UPDATE"} {
		c.Eval(t, `$wpdb->query("CREATE TRIGGER full_`+change+` BEFORE `+change+` ON $wpdb->options FOR EACH ROW
			IF NEW.option_name LIKE 'site\_smtp%' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the disk is full'; END IF");`)
	}
	defer c.Eval(t, `$wpdb->query("DROP TRIGGER full_INSERT"); $wpdb->query("DROP TRIGGER full_UPDATE");`)
	c.unchanged(func() {
		c.put(object{"settings": c.settings(nil), "password": "another", "enabled": false}).want(t, http.StatusInsufficientStorage, "storage")
		c.call(http.MethodDelete, "/smtp", nil, "If-Match", c.etag()).want(t, http.StatusInsufficientStorage, "storage")
		c.test(c.candidate()).want(t, http.StatusInsufficientStorage, "storage")
	})
	if n := c.mail.Counters().Connections; n != 0 {
		t.Errorf("got %d connections, want 0", n)
	}
}

// A message was sent, so the client must ask for the key instead of testing again.
func TestStorageThatFailsBehindATest(t *testing.T) {
	c := start(t)
	c.Eval(t, `$wpdb->query("CREATE TRIGGER full_result BEFORE UPDATE ON $wpdb->options FOR EACH ROW
		IF NEW.option_name LIKE 'site\\_smtp\\_test%' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the disk is full'; END IF");`)
	path, drop := newTest(), func() { c.Eval(t, `$wpdb->query("DROP TRIGGER IF EXISTS full_result");`) }
	defer drop()
	c.messages(1, func() {
		c.call(http.MethodPut, path, c.candidate()).want(t, http.StatusInternalServerError, "internal")
		c.call(http.MethodGet, path, nil).want(t, http.StatusAccepted, "")
		c.call(http.MethodPut, path, c.candidate()).want(t, http.StatusAccepted, "")
		drop()
		c.started("microtime(true) - 91")
		if got := c.call(http.MethodGet, path, nil).want(t, http.StatusOK, ""); got.object["status"] != "in_doubt" {
			t.Errorf("got %s", got.raw)
		}
	})
}

// The site cannot tell then whether the change was stored.
func TestConnectionToTheDatabaseThatIsLost(t *testing.T) {
	c := start(t)
	body := object{"settings": c.settings(nil), "password": c.password, "enabled": false, "write_id": uuid.NewString()}
	c.put(maps.Clone(body)).want(t, http.StatusOK, "")
	c.Eval(t, `$wpdb->query("CREATE TRIGGER slow_write BEFORE UPDATE ON $wpdb->options FOR EACH ROW
		IF NEW.option_name = 'site_smtp' THEN DO SLEEP(60); END IF");`)
	defer c.Eval(t, `$wpdb->query("DROP TRIGGER slow_write");`)
	body["write_id"] = uuid.NewString()
	lost := make(chan answer, 1)
	go func() {
		got, err := c.try(t.Context(), http.MethodPut, "/smtp", body, "If-Match", `"1"`)
		if err != nil {
			t.Error(err)
		}
		lost <- got
	}()
	// WordPress connects once more and repeats the query.
	c.Eval(t, `
$until = time() + 60;
for ($killed = array(); count($killed) < 2 && time() < $until;) {
	$writer = $wpdb->get_var("SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND state = 'User sleep'");
	if ($writer && !in_array($writer, $killed, true)) {
		$wpdb->query("KILL $writer");
		$killed[] = $writer;
	}
}`)
	(<-lost).want(t, http.StatusInternalServerError, "internal")
}
