package provider

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// A verification is recalled only for exactly the settings that passed, and only on platforms that do not store it.
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

// After a change that failed halfway, the site's password still counts as different from the applied one.
func TestPartlyAppliedKeepsThePasswordID(t *testing.T) {
	before := lastApplied{Revision: "1", PasswordID: "p1", Instance: "i", Verification: &site.Verification{}, Tested: "x"}
	got := before.partly(site.State{SiteID: "s", Revision: "2", PasswordID: "p2"}, bare)
	if want := (lastApplied{Revision: "2", PasswordID: "p1", Instance: "i"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestPrivateStateOfRelease0_1 reads the private state that 0.1 wrote on a platform that does not store verifications: mail still counts
// as tested, even in versions with more settings.
func TestPrivateStateOfRelease0_1(t *testing.T) {
	recorded, err := os.ReadFile("testdata/release_0_1/private.json")
	if err != nil {
		t.Fatal(err)
	}
	var kept lastApplied
	if err := json.Unmarshal(recorded, &kept); err != nil {
		t.Fatal(err)
	}
	held := site.State{SiteID: "https://pb.example.com", Enabled: true, PasswordSet: true, Settings: site.Settings{
		Host: "smtp.example.com", Port: 587, Encryption: site.STARTTLS, Username: "mailer@example.com", FromAddress: "mailer@example.com", FromName: "Client A",
	}}
	bare := site.Capabilities{ForgetsVerification: true}
	want := site.Verification{
		TestedAt: time.Date(2026, 11, 26, 9, 30, 0, 0, time.UTC), Recipient: "ops@example.com", Reply: "250 2.0.0 Ok: queued", MessageID: "8d0f0a4c@example.com",
	}
	if got := kept.recall(held, bare).Verification; got == nil || *got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	written, err := json.Marshal(kept)
	if err != nil || string(written) != strings.TrimSpace(string(recorded)) {
		t.Errorf("written again:\n got %s, %v\nwant %s", written, err, recorded)
	}
}

// The plan of an update refuses settings that the site does not support, and says which version they need.
func TestUnknownSettingIsRefusedInThePlan(t *testing.T) {
	now := site.State{SiteID: "site-1", Revision: "1", Unknown: site.SettingNames("").With("reply_to")}
	var state settingsModel
	state.fromState(now)
	seen := (lastApplied{}).observe(now, false)
	planned := state
	planned.ReplyTo = types.StringValue("replies@example.com")
	change := planned.toUpdate(planned, state, state.toState(seen), types.StringNull())
	if got := (site.Capabilities{}).Refuse(change); len(got) != 1 || got[0].Field != "reply_to" || !strings.Contains(got[0].Reason, "version 1.1 of the site admin contract") {
		t.Errorf("got refusals %+v", got)
	}
}
