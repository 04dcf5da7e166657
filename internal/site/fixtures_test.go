package site_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

const (
	siteID    = "5f0c9be1-6d1b-4c8e-9d2f-0f4c5e6a7b81"
	recipient = "ops@example.com"
)

var (
	password    = secret.New("correct horse")
	newPassword = secret.New("battery staple")
)

// passed is the result of a test that passed.
var passed = site.TestResult{Status: site.Passed, Stage: site.StageData, Recipient: recipient}

// kinds are all kinds of failure.
var kinds = []site.Kind{
	site.Stale, site.WrongSite, site.Invalid, site.PasswordRequired, site.VerificationRequired, site.Unauthorized,
	site.RateLimited, site.Unreachable, site.NoAnswer, site.Unsupported, site.Unexpected,
}

// stages are all stages of a test.
var stages = []site.Stage{
	site.StageDNS, site.StageConnect, site.StageTLS, site.StageBanner, site.StageEHLO, site.StageSTARTTLS, site.StageAuth,
	site.StageMail, site.StageRcpt, site.StageData,
}

func settingsAt(host string) site.Settings {
	return site.Settings{
		Host: host, Port: 587, Encryption: site.STARTTLS, Username: "mailer@example.com", FromAddress: "mailer@example.com",
		FromName: "Client A",
	}
}

// unconfigured is a site that was never configured.
func unconfigured() site.State { return site.State{SiteID: siteID, Revision: "0"} }

// working is a site whose mail is on and passed a test.
func working() site.State {
	return site.State{
		SiteID: siteID, Settings: settingsAt("smtp.example.com"), Enabled: true, Revision: "7",
		UpdatedAt: time.Date(2026, 11, 23, 10, 0, 2, 0, time.UTC), UpdatedBy: "terraform", LastWriteID: "w7",
		PasswordSet: true, PasswordID: "p7",
		Verification: &site.Verification{Recipient: recipient, Reply: "250 2.0.0 Ok"},
	}
}

// toOtherHost is a change of the working site that takes every step.
func toOtherHost() site.Change {
	return site.Change{
		Prior:     working(),
		Candidate: site.Candidate{Settings: settingsAt("smtp.example.test"), Password: newPassword},
		Enabled:   true,
		Recipient: recipient,
	}
}

// procedure fails the test when a diagnosis is asked for.
func procedure(t *testing.T) site.Procedure {
	return site.Procedure{Diagnose: func(r site.TestResult, _ site.Settings) site.Diagnosis {
		t.Errorf("the procedure asked for a diagnosis: %+v", r)
		return site.Diagnosis{}
	}}
}

// testOf is the test of the candidate of c.
func testOf(c site.Change) site.TestRequest {
	return site.TestRequest{Candidate: &c.Candidate, Recipient: c.Recipient, SiteID: c.Prior.SiteID}
}

// testOfSaved is the test of what the site has saved.
func testOfSaved(c site.Change) site.TestRequest {
	return site.TestRequest{Recipient: c.Recipient, SiteID: c.Prior.SiteID}
}

// saveOf is the write that c makes.
func saveOf(c site.Change) site.SaveRequest {
	return site.SaveRequest{
		Settings: c.Candidate.Settings, Password: c.Candidate.Password, Adopt: c.Candidate.Adopt, Enabled: c.Enabled,
		Revision: c.Prior.Revision, SiteID: c.Prior.SiteID,
	}
}

// after is what a site holds that carried c out.
func after(c site.Change) site.State {
	s := c.Prior
	s.Settings, s.Enabled = c.Candidate.Settings, c.Enabled
	s.Revision, s.LastWriteID, s.UpdatedAt = s.Revision+"+", "mine", s.UpdatedAt.Add(time.Hour)
	if !c.Candidate.Password.IsEmpty() {
		s.PasswordSet, s.PasswordID = true, "mine"
	}
	s.Verification = nil
	if c.Enabled {
		s.Verification = &site.Verification{Recipient: c.Recipient, Reply: "250 2.0.0 Ok"}
	}
	return s
}

// alter gives the i-th field of s another value and returns the name that the contract has for it.
func alter(s *site.Settings, i int) string {
	field := reflect.ValueOf(s).Elem().Field(i)
	switch field.Kind() {
	case reflect.String:
		field.SetString(field.String() + "x")
	case reflect.Int:
		field.SetInt(field.Int() + 1)
	default:
		panic("settings have a field of a new type: " + field.Kind().String())
	}
	return member(reflect.TypeFor[site.Settings]().Field(i))
}

// member is what a field of Settings is called in JSON.
func member(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

func numSettings() int { return reflect.TypeFor[site.Settings]().NumField() }

func checkState(t *testing.T, got, want site.State) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("state:\n got %+v\nwant %+v", got, want)
	}
}

// checkSame wants this very error, not one that wraps it.
func checkSame(t *testing.T, got, want error) {
	t.Helper()
	if got != want { //nolint:errorlint // See above.
		t.Errorf("got error %v, want %v", got, want)
	}
}
