package provider

import (
	"reflect"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// What passed is recalled for exactly the settings that did, at a platform that does not keep it, and nowhere else.
func TestRecallsTheVerificationOfWhatPassed(t *testing.T) {
	passed := site.State{
		SiteID: "s", PasswordID: "p", Verification: &site.Verification{MessageID: "m1@example.com"},
		Settings: site.Settings{Host: "a", Port: 1, Encryption: site.TLS, Username: "b", FromAddress: "c", FromName: "d", HELOName: "e"},
	}
	read := passed
	read.Verification = nil
	kept := (lastApplied{}).after(passed, bare)
	if got := kept.recall(read, bare).Verification; got != passed.Verification {
		t.Errorf("recalled %+v, want what passed", got)
	}
	if got := kept.recall(read, site.Capabilities{}).Verification; got != nil {
		t.Errorf("recalled %+v for a site that keeps it", got)
	}
	if got := (lastApplied{}).after(passed, site.Capabilities{}); got.Verification != nil || got.Tested != "" {
		t.Errorf("kept %+v for a site that keeps it", got)
	}
	if got := (lastApplied{}).after(read, bare).recall(read, bare).Verification; got != nil {
		t.Errorf("recalled %+v of a site that was switched off untested", got)
	}
	another := read
	another.PasswordID = "p2"
	if got := kept.recall(another, bare).Verification; got != nil {
		t.Errorf("recalled %+v for another password", got)
	}
	settings := reflect.TypeFor[site.Settings]()
	for i := range settings.NumField() {
		another := read
		switch field := reflect.ValueOf(&another.Settings).Elem().Field(i); field.Kind() {
		case reflect.Int:
			field.SetInt(field.Int() + 1)
		default:
			field.SetString(field.String() + "x")
		}
		if got := kept.recall(another, bare).Verification; got != nil {
			t.Errorf("recalled %+v for another %s", got, settings.Field(i).Name)
		}
	}
}

// After a change that failed on its way, the site's password is still another one than the one that was applied.
func TestPartlyAppliedKeepsThePasswordID(t *testing.T) {
	before := lastApplied{Revision: "1", PasswordID: "p1", Instance: "i", Verification: &site.Verification{}, Tested: "x"}
	got := before.partly(site.State{SiteID: "s", Revision: "2", PasswordID: "p2"}, bare)
	if want := (lastApplied{Revision: "2", PasswordID: "p1", Instance: "i"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
