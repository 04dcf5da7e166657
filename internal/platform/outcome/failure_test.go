package outcome_test

import (
	"reflect"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/platform/outcome"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func TestFailureByReply(t *testing.T) {
	for text, want := range map[string]struct {
		stage site.Stage
		reply site.Reply
	}{
		`535 "5.7.8 authentication failed"`: {site.StageAuth, site.Reply{Code: 535, EnhancedCode: "5.7.8", Text: "authentication failed"}},
		"535 5.7.8 authentication failed":   {site.StageAuth, site.Reply{Code: 535, EnhancedCode: "5.7.8", Text: "authentication failed"}},
		`550 "5.1.1 no such user"`:          {"", site.Reply{Code: 550, EnhancedCode: "5.1.1", Text: "no such user"}},
		`554 "Message rejected"`:            {"", site.Reply{Code: 554, Text: "Message rejected"}},
		`421 ""`:                            {"", site.Reply{Code: 421}},
		"\n534 5.7.9 Application-specific\npassword   required.\n": {
			site.StageAuth, site.Reply{Code: 534, EnhancedCode: "5.7.9", Text: "Application-specific password required."},
		},
		`535 "5.7.8 Not accepted. Look at\n5.7.8  https://example.com/help \"here\""`: {
			site.StageAuth, site.Reply{Code: 535, EnhancedCode: "5.7.8", Text: `Not accepted. Look at https://example.com/help "here"`},
		},
	} {
		got := outcome.Failure(text)
		if expected := (site.TestResult{Status: site.Failed, Stage: want.stage, Reply: &want.reply}); !reflect.DeepEqual(got, expected) {
			t.Errorf("%q: got %+v with reply %+v", text, got, got.Reply)
		}
	}
}

func TestFailureByError(t *testing.T) {
	for text, want := range map[string]site.Stage{
		"dial tcp: lookup smtp.example.com on 127.0.0.53:53: no such host":                 site.StageDNS,
		"dial tcp: address smtp.example.com:0:25: too many colons in address":              site.StageDNS,
		"dial tcp 127.0.0.1:1: connect: connection refused":                                site.StageConnect,
		"dial tcp 192.0.2.1:587: i/o timeout":                                              site.StageConnect,
		"tls: first record does not look like a TLS handshake":                             site.StageTLS,
		"tls: failed to verify certificate: x509: certificate signed by unknown authority": site.StageTLS,
		"x509: certificate is valid for a.example, not b.example":                          site.StageTLS,
		"SMTP STARTTLS extension not found":                                                site.StageSTARTTLS,
		"SMTP AUTH extension not found":                                                    site.StageAuth,
		"smtp: server doesn't support AUTH":                                                site.StageAuth,
		"unencrypted connection":                                                           site.StageAuth,
	} {
		if got := outcome.Failure(text + "\n"); !reflect.DeepEqual(got, site.TestResult{Status: site.Failed, Stage: want, Error: text}) {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}

// After these errors it is unknown whether the server had received the message.
func TestFailureInDoubt(t *testing.T) {
	for _, text := range []string{
		"EOF", "read tcp 127.0.0.1:46028->127.0.0.1:587: i/o timeout", "read: connection reset by peer", "write: broken pipe",
		`short response: "x"`, "", "something else", "2500 messages", "600 no such reply", "421",
	} {
		if got := outcome.Failure(text); got.Status != site.InDoubt || got.Error != text || got.Reply != nil {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}
