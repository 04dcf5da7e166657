package refsite_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// unset are the settings of a site that was never configured: all supported settings, empty.
func unset() object {
	settings := object{"port": 0.0}
	for _, d := range site.AllSettings() {
		if d.Format != site.PortNumber {
			settings[d.Name] = ""
		}
	}
	return settings
}

func TestUnconfigured(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	got := c.read()
	equal(t, got.object, object{
		"site_id": c.id, "api_version": 1.0, "enabled": false, "revision": "0", "updated_at": nil, "updated_by": nil,
		"last_write_id": nil, "password_set": false, "password_id": nil, "verification": nil, "auth_methods": []any{"password", "oauth2"}, "grants": []any{"client_credentials", "refresh_token", "jwt_bearer"},
		"settings": unset(),
	})
	if got.header.Get("ETag") != `"0"` {
		t.Errorf("got ETag %s, want 0", got.header.Get("ETag"))
	}
}

func TestEnable(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	tested := c.test(object{"settings": w.settings(nil), "password": w.password, "recipient": recipient}).want(t, http.StatusOK, "")
	if tested.object["status"] != "passed" || tested.object["stage"] != "data" || tested.object["diagnosis"] != nil {
		t.Fatalf("got %s", tested.raw)
	}
	if c.read().object["revision"] != "0" {
		t.Error("a test saved something")
	}
	writeID := uuid.NewString()
	saved := c.put(object{"settings": w.settings(nil), "password": w.password, "enabled": true, "write_id": writeID}).want(t, http.StatusOK, "")
	equal(t, saved.object, c.read().object)
	verification := saved.object["verification"].(object)
	if saved.object["enabled"] != true || saved.object["last_write_id"] != writeID || saved.object["updated_by"] != "terraform" ||
		saved.object["password_set"] != true || verification["message_id"] != tested.object["message_id"] || verification["recipient"] != recipient {
		t.Errorf("got %s", saved.raw)
	}
	if got := w.mail.Messages(); len(got) != 1 || got[0].User != mailer || !got[0].TLS {
		t.Errorf("got %+v", got)
	}
}

func TestPasswordRule(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	w.enable(c, nil)
	trap := smtptest.Start(t, smtptest.Config{Address: "0.0.0.0:0"})
	before, logins := c.read(), w.mail.Counters().Logins
	changes := object{
		"host": "127.0.0.2", "port": trap.Port(), "encryption": "tls", "username": "other@example.com",
		"from_address": "other@example.com", "from_name": "Other", "reply_to": "replies@example.com", "helo_name": "other.example.com",
	}
	for _, f := range site.AllSettings() {
		if f.OfToken() {
			continue // TestSecretStaysWithItsTokenEndpoint
		}
		row := "R2_"
		if f.Name == "host" || f.Name == "port" {
			row = "R1_"
		}
		t.Run(row+f.Name+"ChangesOnlyWithThePassword", func(t *testing.T) {
			change, ok := changes[f.Name]
			if !ok {
				t.Fatal("a setting is new: change it in this test")
			}
			changed := w.settings(object{f.Name: change})
			for _, enabled := range []bool{false, true} {
				got := c.put(object{"settings": changed, "enabled": enabled}).want(t, http.StatusUnprocessableEntity, "password_required")
				if got.object["field"] != "password" {
					t.Errorf("got field %v", got.object["field"])
				}
			}
			c.test(object{"settings": changed, "recipient": recipient}).want(t, http.StatusUnprocessableEntity, "password_required")
		})
	}
	t.Run("TestOfTheSavedSettingsAsACandidateNeedsIt", func(t *testing.T) {
		c.test(object{"settings": w.settings(nil), "recipient": recipient}).want(t, http.StatusUnprocessableEntity, "password_required")
	})
	t.Run("NothingWasChangedOrTried", func(t *testing.T) {
		equal(t, c.read().object, before.object)
		if got := w.mail.Counters().Logins; got != logins || trap.Counters().Connections > 0 {
			t.Errorf("got %d logins and %d connections to the new host, want none", got-logins, trap.Counters().Connections)
		}
	})
	t.Run("RemovingTheUsernameForgetsThePassword", func(t *testing.T) {
		got := c.put(object{"settings": w.settings(object{"username": ""}), "enabled": false}).want(t, http.StatusOK, "")
		if got.object["password_set"] != false || got.object["password_id"] != nil {
			t.Errorf("got %s", got.raw)
		}
		c.put(object{"settings": w.settings(nil), "enabled": false}).want(t, http.StatusUnprocessableEntity, "password_required")
	})
}

func TestSameSettingsKeepPasswordAndVerification(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	on := w.enable(c, nil)
	off := c.put(object{"settings": w.settings(nil), "enabled": false}).want(t, http.StatusOK, "")
	for _, name := range []string{"password_id", "password_set", "verification"} {
		equal(t, off.object[name], on.object[name])
	}
	if off.object["enabled"] != false || off.object["revision"] == on.object["revision"] {
		t.Errorf("got %s", off.raw)
	}
	c.test(object{"recipient": recipient}).want(t, http.StatusOK, "")
	if got := w.mail.Messages(); len(got) != 2 || got[1].User != mailer {
		t.Errorf("the test of the saved settings did not log in with them: got %d messages", len(got))
	}
}

func TestPasswordID(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	body := func() object { return object{"settings": w.settings(nil), "password": w.password, "enabled": false} }
	first, second := c.put(body()), c.put(body())
	if first.object["password_id"] == second.object["password_id"] {
		t.Error("password_id stayed when the same password was set again")
	}
}

func TestR3Masks(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	for _, mask := range []string{"*", "********", "••••••••", "●●●", "*•●"} {
		c.put(object{"settings": w.settings(nil), "password": mask, "enabled": false}).want(t, http.StatusUnprocessableEntity, "invalid")
		got := c.test(object{"settings": w.settings(nil), "password": mask, "recipient": recipient}).want(t, http.StatusUnprocessableEntity, "invalid")
		if got.object["field"] != "password" {
			t.Errorf("got field %v", got.object["field"])
		}
	}
	c.put(object{"settings": w.settings(nil), "password": "****a", "enabled": false}).want(t, http.StatusOK, "")
}

func TestRevisions(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	body := func(name string) object {
		return withID(object{"settings": w.settings(object{"from_name": name}), "password": w.password, "enabled": false})
	}
	t.Run("RefusesAMissingTag", func(t *testing.T) {
		c.call(http.MethodPut, "/smtp", body("A")).want(t, http.StatusPreconditionRequired, "precondition_required")
		c.call(http.MethodDelete, "/smtp", nil).want(t, http.StatusPreconditionRequired, "precondition_required")
	})
	t.Run("RefusesAMalformedTag", func(t *testing.T) {
		for _, tag := range []string{"0", `"0`, "*", `"0", "1"`, `w/"0"`, ` `} {
			c.call(http.MethodPut, "/smtp", body("A"), "If-Match", tag).want(t, http.StatusBadRequest, "malformed")
			c.call(http.MethodDelete, "/smtp", nil, "If-Match", tag).want(t, http.StatusBadRequest, "malformed")
		}
	})
	t.Run("AcceptsAWeakTag", func(t *testing.T) {
		c.call(http.MethodPut, "/smtp", body("A"), "If-Match", `W/"0"`).want(t, http.StatusOK, "")
	})
	t.Run("R5_StaleNamesTheEditor", func(t *testing.T) {
		edited, err := w.server.Site("client-a")
		if err != nil {
			t.Fatal(err)
		}
		s, err := edited.Read()
		if err != nil {
			t.Fatal(err)
		}
		if _, err = edited.Commit("someone", core.Write{SaveRequest: site.SaveRequest{Settings: s.Settings, Revision: s.Revision}}); err != nil {
			t.Fatal(err)
		}
		tag := fmt.Sprintf("%q", s.Revision)
		got := c.call(http.MethodPut, "/smtp", body("B"), "If-Match", tag).want(t, http.StatusPreconditionFailed, "stale")
		if got.object["updated_by"] != "someone" || got.object["revision"] != c.read().object["revision"] {
			t.Errorf("got %s", got.raw)
		}
		c.call(http.MethodDelete, "/smtp", nil, "If-Match", tag).want(t, http.StatusPreconditionFailed, "stale")
	})
}

func TestR5ConcurrentEditors(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	const editors, rounds = 8, 5
	for round := range rounds {
		tag := c.etag()
		statuses := make([]int, editors)
		var all sync.WaitGroup
		for i := range editors {
			all.Go(func() {
				body := object{"settings": w.settings(object{"from_name": fmt.Sprint(round, " by ", i)}), "password": w.password, "enabled": false}
				got, err := c.try(t.Context(), http.MethodPut, "/smtp", withID(body), "If-Match", tag)
				if err != nil {
					t.Error(err)
				}
				statuses[i] = got.status
			})
		}
		all.Wait()
		winner := slices.Index(statuses, http.StatusOK)
		if winner < 0 || c.read().object["settings"].(object)["from_name"] != fmt.Sprint(round, " by ", winner) {
			t.Fatalf("%v: %s", statuses, c.read().raw)
		}
		slices.Sort(statuses)
		if statuses[1] != http.StatusPreconditionFailed {
			t.Fatalf("more than one write succeeded: %v", statuses)
		}
	}
}

func TestRepeatedWrite(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	body := withID(object{"settings": w.settings(nil), "password": w.password, "enabled": false})
	tag := c.etag()
	first := c.call(http.MethodPut, "/smtp", body, "If-Match", tag).want(t, http.StatusOK, "")
	t.Run("SameBodyChangesNothing", func(t *testing.T) {
		again := c.call(http.MethodPut, "/smtp", body, "If-Match", tag).want(t, http.StatusOK, "")
		equal(t, again.object, first.object)
		equal(t, c.read().object, first.object)
	})
	t.Run("RefusesADifferentBody", func(t *testing.T) {
		for name, value := range (object{"password": "another", "settings": w.settings(object{"from_name": "B"})}) {
			other := object{"settings": body["settings"], "password": body["password"], "enabled": false, "write_id": body["write_id"]}
			other[name] = value
			got := c.call(http.MethodPut, "/smtp", other, "If-Match", c.etag()).want(t, http.StatusUnprocessableEntity, "key_reused")
			if got.object["field"] != "write_id" {
				t.Errorf("got field %v", got.object["field"])
			}
		}
	})
	t.Run("IsStaleAfterAnotherWrite", func(t *testing.T) {
		c.put(object{"settings": w.settings(nil), "enabled": false}).want(t, http.StatusOK, "")
		c.call(http.MethodPut, "/smtp", body, "If-Match", tag).want(t, http.StatusPreconditionFailed, "stale")
	})
}

func TestClear(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	before := w.enable(c, nil)
	got := c.call(http.MethodDelete, "/smtp", nil, "If-Match", c.etag()).want(t, http.StatusOK, "")
	equal(t, got.object, c.read().object)
	if got.object["enabled"] != false || got.object["password_set"] != false || got.object["verification"] != nil ||
		got.object["last_write_id"] != nil || got.object["updated_by"] != "terraform" || got.object["settings"].(object)["host"] != "" {
		t.Errorf("got %s", got.raw)
	}
	if got.object["revision"] == before.object["revision"] {
		t.Error("clearing did not change the revision")
	}
	c.test(object{"recipient": recipient}).want(t, http.StatusConflict, "not_configured")
}

func TestAnotherSite(t *testing.T) {
	w := start(t)
	a, b := w.site("client-a"), w.site("client-b")
	a.put(object{"settings": w.settings(nil), "password": w.password, "enabled": false, "site_id": b.id}).want(t, http.StatusConflict, "wrong_site")
	a.test(object{"settings": w.settings(nil), "password": w.password, "recipient": recipient, "site_id": b.id}).want(t, http.StatusConflict, "wrong_site")
	a.put(object{"settings": w.settings(nil), "password": w.password, "enabled": false, "site_id": a.id}).want(t, http.StatusOK, "")
	if n := w.mail.Counters().Connections; n != 0 {
		t.Errorf("got %d connections, want 0", n)
	}
	a.call(http.MethodDelete, "/smtp", nil, "If-Match", a.etag(), "Site-ID", b.id).want(t, http.StatusConflict, "wrong_site")
	a.call(http.MethodDelete, "/smtp", nil, "If-Match", a.etag(), "Site-ID", " ").want(t, http.StatusBadRequest, "malformed")
	if a.read().object["password_set"] != true {
		t.Error("a request to another site cleared this one")
	}
	a.call(http.MethodDelete, "/smtp", nil, "If-Match", a.etag(), "Site-ID", a.id).want(t, http.StatusOK, "")
	who := a.call(http.MethodGet, "/site", nil).want(t, http.StatusOK, "")
	equal(t, who.object, object{"site_id": a.id, "name": "client-a", "product": "reference site", "api_version": 1.0})
	list := a.call(http.MethodGet, "/smtp/presets", nil).want(t, http.StatusOK, "")
	if n := len(list.object["presets"].([]any)); n < 100 {
		t.Errorf("got %d presets", n)
	}
}
