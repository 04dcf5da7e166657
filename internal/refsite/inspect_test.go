package refsite_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// edit changes the data file while no server uses it.
func (w *testbed) edit(change func(*store.Tx) error) {
	w.t.Helper()
	data, err := store.Open(w.config.DataFile, w.config.Logger)
	if err != nil {
		w.t.Fatal(err)
	}
	defer data.Close()
	if err := data.Update(change); err != nil {
		w.t.Fatal(err)
	}
}

// editRecord changes the record of one site.
func (w *testbed) editRecord(id string, change func(*store.Record)) {
	w.t.Helper()
	w.edit(func(tx *store.Tx) error {
		s, err := tx.Site(id)
		if err != nil {
			return err
		}
		rec, err := s.Record()
		if err != nil {
			return err
		}
		change(&rec)
		return s.PutRecord(rec)
	})
}

func TestEditedDataFile(t *testing.T) {
	edits := map[string]func(*store.Record){
		"EnabledWithoutVerification": func(r *store.Record) { r.Verification = nil },
		"OtherProof":                 func(r *store.Record) { r.Verification.Pass.Sum[0] ^= 1 },
		"NoProof":                    func(r *store.Record) { r.Verification.Pass = seal.MAC{} },
		"OtherTime":                  func(r *store.Record) { r.Verification.TestedAt = r.Verification.TestedAt.Add(time.Minute) },
		"OtherPasswordID":            func(r *store.Record) { r.Password.ID = "x" },
		"OtherPassword":              func(r *store.Record) { r.Password.Sealed.Data[30] ^= 1 },
		"ShortPassword":              func(r *store.Record) { r.Password.Sealed.Data = nil },
		"NoPassword":                 func(r *store.Record) { r.Password = nil },
		"NoUsername":                 func(r *store.Record) { r.Settings.Username, r.Password = "", nil },
	}
	for name, edit := range edits {
		t.Run("R6_"+name+"IsDisabled", func(t *testing.T) {
			w := start(t)
			c := w.site("client-a")
			before := w.enable(c, nil)
			w.restart(func() { w.editRecord(c.id, edit) })
			got := c.read()
			if got.object["enabled"] != false || got.object["verification"] != nil || got.object["revision"] == before.object["revision"] || got.object["updated_by"] != "reference site" {
				t.Errorf("got %s", got.raw)
			}
			if !strings.Contains(w.log.String(), "MAIL DISABLED") {
				t.Error("the log does not say MAIL DISABLED")
			}
			w.restart(func() {})
			equal(t, c.read().object, got.object)
			c.put(object{"settings": got.object["settings"], "enabled": false}).want(t, http.StatusOK, "")
		})
	}
	t.Run("R6_DisablesMailSwitchedOnInTheFile", func(t *testing.T) {
		w := start(t)
		c := w.site("client-a")
		c.put(object{"settings": w.settings(nil), "password": w.password, "enabled": false}).want(t, http.StatusOK, "")
		w.restart(func() { w.editRecord(c.id, func(r *store.Record) { r.Enabled = true }) })
		if got := c.read(); got.object["enabled"] != false || got.object["password_set"] != true {
			t.Errorf("got %s", got.raw)
		}
	})
	t.Run("R6_DisablesMailCopiedFromAnotherSite", func(t *testing.T) {
		w := start(t)
		a, b := w.site("client-a"), w.site("client-b")
		w.enable(a, nil)
		w.restart(func() {
			var taken store.Record
			w.editRecord(a.id, func(r *store.Record) { taken = *r })
			w.editRecord(b.id, func(r *store.Record) { *r = taken })
		})
		if got := b.read(); got.object["enabled"] != false || got.object["password_set"] != false || got.object["verification"] != nil {
			t.Errorf("got %s", got.raw)
		}
		b.test(object{"recipient": recipient}).want(t, http.StatusUnprocessableEntity, "password_required")
		if a.read().object["enabled"] != true {
			t.Error("the other site was disabled too")
		}
	})
	t.Run("R6_KeepsAnUntouchedFile", func(t *testing.T) {
		w := start(t)
		c := w.site("client-a")
		before := w.enable(c, nil)
		w.restart(func() {})
		equal(t, c.read().object, before.object)
	})
}

// forge changes the site's record and its newest test.
func (w *testbed) forge(id string, change func(*store.Record, *store.Test)) {
	w.t.Helper()
	w.edit(func(tx *store.Tx) error {
		s, err := tx.Site(id)
		if err != nil {
			return err
		}
		rec, err := s.Record()
		if err != nil {
			return err
		}
		for t, err := range s.NewestTests() {
			if err != nil {
				return err
			}
			change(&rec, &t)
			return errors.Join(s.PutTest(t), s.PutRecord(rec))
		}
		return errors.New("there is no test")
	})
}

// Someone who can write the data file, but lacks the key, cannot turn a failed test into a pass.
func TestForgedPass(t *testing.T) {
	passed := func(t *store.Test) { t.Result.Status, t.Result.Stage = site.Passed, site.StageData }
	claimed := func(r *store.Record, t *store.Test, proof seal.MAC) {
		r.Enabled, r.Verification = true, &store.Verification{Pass: proof, Verification: site.Verification{
			TestedAt: t.Result.TestedAt, Recipient: t.Result.Recipient, MessageID: t.Result.MessageID, Reply: t.Result.Reply.String(),
		}}
	}
	for name, forge := range map[string]func(*store.Record, *store.Test){
		"StatusOfTheTest":      func(_ *store.Record, t *store.Test) { passed(t) },
		"FingerprintAsProof":   func(_ *store.Record, t *store.Test) { passed(t); t.Pass = t.Fingerprint },
		"BodyAsProof":          func(_ *store.Record, t *store.Test) { passed(t); t.Pass = t.Body },
		"FingerprintInARecord": func(r *store.Record, t *store.Test) { claimed(r, t, t.Fingerprint) },
		"BodyInARecord":        func(r *store.Record, t *store.Test) { claimed(r, t, t.Body) },
	} {
		t.Run("R6_"+name, func(t *testing.T) {
			w := start(t)
			c := w.site("client-a")
			saved := object{"settings": w.settings(nil), "password": "wrong", "enabled": false}
			c.put(saved).want(t, http.StatusOK, "")
			failed := c.test(object{"settings": w.settings(nil), "password": "wrong", "recipient": recipient}).want(t, http.StatusOK, "")
			equal(t, failed.object["status"], any("failed"))
			w.restart(func() { w.forge(c.id, forge) })
			if got := c.read(); got.object["enabled"] != false || got.object["verification"] != nil {
				t.Errorf("got %s", got.raw)
			}
			c.put(object{"settings": w.settings(nil), "enabled": true}).want(t, http.StatusConflict, "verification_required")
			c.put(object{"settings": w.settings(nil), "password": "wrong", "enabled": true}).want(t, http.StatusConflict, "verification_required")
		})
	}
	t.Run("R6_RejectsAnOldPassAsProof", func(t *testing.T) {
		w := start(t)
		c := w.site("client-a")
		w.enable(c, nil)
		c.put(object{"settings": w.settings(nil), "enabled": false}).want(t, http.StatusOK, "")
		w.pass(2 * time.Hour)
		w.restart(func() {
			w.forge(c.id, func(r *store.Record, t *store.Test) {
				t.Result.TestedAt = w.config.Now()
				r.Verification.TestedAt = w.config.Now()
			})
		})
		c.put(object{"settings": w.settings(nil), "enabled": true}).want(t, http.StatusConflict, "verification_required")
	})
}

// Someone who can write the data file, but lacks the key, cannot redirect the password to another server.
func TestEditedSettingsDoNotGetThePassword(t *testing.T) {
	for i := range reflect.TypeFor[site.Settings]().NumField() {
		t.Run("R6_"+reflect.TypeFor[site.Settings]().Field(i).Name, func(t *testing.T) {
			w := start(t)
			c := w.site("client-a")
			w.enable(c, nil)
			logins := w.mail.Counters().Logins
			w.restart(func() {
				w.editRecord(c.id, func(r *store.Record) { change(t, reflect.ValueOf(&r.Settings).Elem().Field(i)) })
			})
			if got := c.read(); got.object["enabled"] != false || got.object["verification"] != nil || got.object["password_set"] != false {
				t.Errorf("got %s", got.raw)
			}
			c.test(object{"recipient": recipient}).want(t, http.StatusUnprocessableEntity, "password_required")
			if n := w.mail.Counters().Logins; n != logins {
				t.Errorf("I5: got %d logins, want none", n-logins)
			}
		})
	}
}

// change gives a setting a different value of its type.
func change(t *testing.T, setting reflect.Value) {
	t.Helper()
	switch setting.Kind() {
	case reflect.String:
		if setting.Type() == reflect.TypeFor[site.Encryption]() {
			setting.SetString(string(site.TLS))
			return
		}
		setting.SetString(setting.String() + "x")
	case reflect.Int:
		setting.SetInt(setting.Int() + 1)
	default:
		t.Fatalf("a setting has the new kind %s: change it in this test", setting.Kind())
	}
}

// Two versions of a key.
const (
	first  = "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	second = "2:HxwdHhsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA="
)

func parseKeys(t *testing.T, versions ...string) seal.Keys {
	t.Helper()
	k, err := seal.Parse(secret.New(strings.Join(versions, " ")))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A request from before a rotation can be retried after it.
func TestRepeatedAfterARotation(t *testing.T) {
	for name, password := range map[string]bool{"WithThePassword": true, "WithoutThePassword": false} {
		t.Run(name, func(t *testing.T) {
			w := start(t, func(c *refsite.Config) { c.Keys = parseKeys(t, first) })
			c := w.site("client-a")
			w.enable(c, nil)
			path, write, tag := newTest(), withID(object{"settings": w.settings(nil), "enabled": true}), c.etag()
			if password {
				write["password"] = w.password
			}
			tested := c.call(http.MethodPut, path, w.candidate()).want(t, http.StatusOK, "")
			saved := c.call(http.MethodPut, "/smtp", write, "If-Match", tag).want(t, http.StatusOK, "")

			w.config.Keys = parseKeys(t, first, second)
			w.restart(func() {})
			equal(t, c.call(http.MethodPut, path, w.candidate()).want(t, http.StatusOK, "").object, tested.object)
			equal(t, c.call(http.MethodPut, "/smtp", write, "If-Match", tag).want(t, http.StatusOK, "").object, saved.object)

			w.pass(24*time.Hour + time.Minute)
			w.config.Keys = parseKeys(t, second)
			w.restart(func() {})
			equal(t, c.call(http.MethodPut, "/smtp", write, "If-Match", tag).want(t, http.StatusOK, "").object, saved.object)
			if strings.Count(w.log.String(), "re-sealed") != 1 || w.mail.Counters().Messages != 2 {
				t.Errorf("got %d messages, want 2, and one re-sealing in the log: %s", w.mail.Counters().Messages, w.log)
			}
		})
	}
}

// A leaked key opens what it sealed as long as that is anywhere in the file.
func TestRotationLeavesNothingOfTheOldKey(t *testing.T) {
	w := start(t, func(c *refsite.Config) { c.Keys = parseKeys(t, first) })
	c := w.site("client-a")
	before := w.enable(c, nil)
	var sealed string
	seen := func() (found int) {
		content, err := os.ReadFile(w.config.DataFile)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(content), sealed)
	}
	w.restart(func() {
		w.editRecord(c.id, func(r *store.Record) {
			sealed = base64.StdEncoding.EncodeToString(r.Password.Sealed.Data)
		})
	})
	if seen() == 0 {
		t.Fatal("the data file does not hold the sealed password")
	}
	w.config.Keys = parseKeys(t, first, second)
	w.restart(func() {})
	equal(t, c.read().object, before.object)
	if n := seen(); n > 0 {
		t.Errorf("the file holds %d values sealed with the old key, want none", n)
	}
	info, err := os.Stat(w.config.DataFile)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v %v", info, err)
	}
	if _, err := refsite.New(w.config); err == nil {
		t.Error("a second process could open the file")
	}
	c.put(object{"settings": w.settings(nil), "enabled": true}).want(t, http.StatusOK, "")
	w.restart(func() {})
	if c.read().object["enabled"] != true {
		t.Error("the save after the rotation is lost")
	}
}

// TestRotationOfClearedSites: no page holds what a site had before it was cleared, even if the file is a link.
func TestRotationOfClearedSites(t *testing.T) {
	w := start(t, func(c *refsite.Config) {
		c.Keys = parseKeys(t, first)
		link := filepath.Join(t.TempDir(), "link.db")
		if err := os.Symlink(c.DataFile, link); err != nil {
			t.Fatal(err)
		}
		c.DataFile = link
	})
	c := w.site("client-a")
	w.enable(c, nil)
	var sealed string
	w.restart(func() {
		w.editRecord(c.id, func(r *store.Record) {
			sealed = base64.StdEncoding.EncodeToString(r.Password.Sealed.Data)
		})
	})
	c.call(http.MethodDelete, "/smtp", nil, "If-Match", c.etag()).want(t, http.StatusOK, "")
	w.config.Keys = parseKeys(t, first, second)
	w.restart(func() {})
	content, err := os.ReadFile(w.config.DataFile)
	if err != nil || strings.Contains(string(content), sealed) {
		t.Errorf("the file holds a value sealed with the old key, or cannot be read: %v", err)
	}
	if info, err := os.Lstat(w.config.DataFile); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the symbolic link was replaced: %v", err)
	}
}

func TestDataFileOthersCanRead(t *testing.T) {
	w := start(t)
	w.restart(func() {
		if err := os.Chmod(w.config.DataFile, 0o644); err != nil {
			t.Fatal(err)
		}
	})
	info, err := os.Stat(w.config.DataFile)
	if err != nil || info.Mode().Perm() != 0o600 || !strings.Contains(w.log.String(), "other users could read the data file") {
		t.Errorf("got mode %v, %v, want 0600 and a line in the log: %s", info.Mode(), err, w.log)
	}
}

func TestKeys(t *testing.T) {
	keys := func(versions ...string) seal.Keys { return parseKeys(t, versions...) }
	w := start(t, func(c *refsite.Config) { c.Keys = keys(first) })
	c := w.site("client-a")
	before := w.enable(c, nil)
	w.close()
	refused := func(t *testing.T, k seal.Keys, why string) {
		t.Helper()
		config := w.config
		config.Keys = k
		if _, err := refsite.New(config); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("got %v, want %s", err, why)
		}
	}
	t.Run("R48_RefusesAMissingKey", func(t *testing.T) { refused(t, seal.Keys{}, "no sealing key") })
	t.Run("R48_RefusesAWrongKey", func(t *testing.T) { refused(t, seal.Generate(), "differs from the one") })
	t.Run("R48_RefusesAMissingVersion", func(t *testing.T) { refused(t, keys(second), "needs version 1") })
	t.Run("RotationKeepsMailOn", func(t *testing.T) {
		w.config.Keys = keys(first, second)
		w.open()
		equal(t, c.read().object, before.object)
		c.put(object{"settings": w.settings(nil), "enabled": true}).want(t, http.StatusOK, "")
	})
	w.close()
	t.Run("R48_TestsNeedTheOldVersionForADay", func(t *testing.T) { refused(t, keys(second), "needs version 1") })
	t.Run("AfterADayTheOldVersionCanBeRemoved", func(t *testing.T) {
		w.pass(24*time.Hour + time.Minute)
		w.config.Keys = keys(second)
		w.open()
		if got := c.read(); got.object["enabled"] != true || got.object["password_id"] != before.object["password_id"] {
			t.Errorf("got %s", got.raw)
		}
		c.test(object{"recipient": recipient}).want(t, http.StatusOK, "")
	})
	w.close()
	t.Run("R48_RemovedVersionCannotReturn", func(t *testing.T) { refused(t, keys(first), "needs version 2") })
	if strings.Contains(w.log.String(), "MAIL DISABLED") {
		t.Error("mail was disabled during the rotation")
	}
}
