package diagnosis

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

const (
	canary   = "s3cret-Canary+42&more"
	username = "shop@example.com"
)

// disguises are the forms in which a password travels or is printed.
var disguises = map[string]func(string) string{
	"Plain":     func(s string) string { return s },
	"Base64":    func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"Base64Raw": func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
	"Base64URL": func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
	"AuthPlain": func(s string) string {
		return base64.StdEncoding.EncodeToString([]byte("\x00" + username + "\x00" + s))
	},
	"AuthPlainTwice": func(s string) string {
		return base64.StdEncoding.EncodeToString([]byte(username + "\x00" + username + "\x00" + s))
	},
	"Base64Deep": func(s string) string { return "x/" + base64.StdEncoding.EncodeToString([]byte("a"+s)) },
	"Hex":        func(s string) string { return hex.EncodeToString([]byte(s)) },
	"HexShifted": func(s string) string { return "f" + strings.ToUpper(hex.EncodeToString([]byte(s))) },
	"Percent":    url.QueryEscape,
	"Escapes":    func(s string) string { return s[:6] + "\x1b[31m" + s[6:] },
	"HTML":       func(s string) string { return strings.ReplaceAll(s, "&", "&amp;") },
	"Brackets":   func(s string) string { return "<" + s + ">" },
}

// holds reports whether text still has the canary in one of its forms.
func holds(text string) bool {
	for name, disguise := range disguises {
		if name != "Escapes" && strings.Contains(text, strings.Trim(disguise(canary), "=<>")) {
			return true
		}
	}
	return false
}

func TestSecretsAreTakenOut(t *testing.T) {
	w := newRedactor(username, []secret.Text{{}, secret.New(canary)})
	for name, disguise := range disguises {
		t.Run(name, func(t *testing.T) {
			got := w.Brief("cannot accept '"+disguise(canary)+"', sorry", 500)
			if holds(got) || !strings.Contains(got, "[redacted]") {
				t.Errorf("got %s", got)
			}
			contains(t, got, "cannot accept", "sorry")
		})
	}
}

func TestUsernameIsTakenOutAsItTravels(t *testing.T) {
	w := newRedactor(username, nil)
	got := w.Brief("334 for "+username+": "+base64.StdEncoding.EncodeToString([]byte(username)), 500)
	if want := "334 for shop@example.com: [redacted]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestInnocentWordsStay(t *testing.T) {
	text := "535 5.7.8 Error: 5b1f17b1804b1-42a6b5c3 c3VwcG9ydA== https://example.com/mail/?p=BadCredentials"
	if got := newRedactor(username, []secret.Text{secret.New(canary)}).Brief(text, 500); got != text {
		t.Errorf("got %q", got)
	}
}

func TestEveryTextOfAResultIsFitToBeShown(t *testing.T) {
	dirty := "\x1b[31m" + canary
	r := site.TestResult{
		Stage: site.Stage(dirty), Error: dirty, Recipient: dirty, MessageID: dirty,
		Reply:       &site.Reply{EnhancedCode: dirty, Text: dirty},
		Certificate: &site.Certificate{Names: []string{dirty}, Issuer: dirty},
		Stages:      []site.StageTime{{Stage: site.Stage(dirty)}},
		Diagnosis:   &site.Diagnosis{ID: dirty, Summary: dirty, Cause: dirty, Remedy: dirty, URL: "https://example.com/" + dirty},
	}
	got := Fit(r, "", secret.New(canary))
	for what, text := range map[string]string{
		"Stage": string(got.Stage), "Error": got.Error, "Recipient": got.Recipient, "MessageID": got.MessageID,
		"EnhancedCode": got.Reply.EnhancedCode, "Text": got.Reply.Text,
		"Names": got.Certificate.Names[0], "Issuer": got.Certificate.Issuer, "Stages": string(got.Stages[0].Stage),
		"ID": got.Diagnosis.ID, "Summary": got.Diagnosis.Summary, "Cause": got.Diagnosis.Cause, "Remedy": got.Diagnosis.Remedy, "URL": got.Diagnosis.URL,
	} {
		if strings.Contains(text, "\x1b") || holds(text) || text == "" {
			t.Errorf("%s: %q", what, text)
		}
	}
	if r.Reply.Text != dirty || r.Certificate.Names[0] != dirty || r.Diagnosis.Cause != dirty || string(r.Stages[0].Stage) != dirty {
		t.Error("cleaning changed the caller's result")
	}
}

func TestOnlyPagesThatCanBeOpenedAreLinked(t *testing.T) {
	for link, want := range map[string]string{
		"https://example.com/help?a=b": "https://example.com/help?a=b",
		"http://example.com/":          "",
		"javascript:alert(1)":          "",
		"https://%zz":                  "",
		"":                             "",
	} {
		if got := Fit(site.TestResult{Diagnosis: &site.Diagnosis{URL: link}}, "").Diagnosis.URL; got != want {
			t.Errorf("%q: got %q, want %q", link, got, want)
		}
	}
}
