package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/site/sitetest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// encrypted is a check with a mail server that speaks TLS, or does not although it should.
type encrypted struct {
	name string
	// server is what listens, encryption what the site is told to speak.
	server, encryption site.Encryption
	// trusted checks need an authority that the site trusts; names are those of the certificate, those of the host where empty.
	trusted bool
	names   []string
	// stages are those where the test must fail; none where it must pass.
	stages []string
}

var encryptions = []encrypted{
	{name: "STARTTLSIsRequired", server: site.NoEncryption, encryption: site.STARTTLS, stages: []string{"starttls"}},
	{name: "STARTTLSChecksTheCertificate", server: site.STARTTLS, encryption: site.STARTTLS, stages: []string{"tls", "starttls"}},
	{name: "TLSChecksTheCertificate", server: site.TLS, encryption: site.TLS, stages: []string{"tls", "connect"}},
	{name: "TLSIsNotPlain", server: site.NoEncryption, encryption: site.TLS, stages: []string{"tls", "connect"}},
	{name: "STARTTLSPasses", server: site.STARTTLS, encryption: site.STARTTLS, trusted: true},
	{name: "TLSPasses", server: site.TLS, encryption: site.TLS, trusted: true},
	{
		name: "STARTTLSChecksTheName", server: site.STARTTLS, encryption: site.STARTTLS, trusted: true,
		names: []string{"other.example.com"}, stages: []string{"tls", "starttls"},
	},
	{name: "TLSChecksTheName", server: site.TLS, encryption: site.TLS, trusted: true, names: []string{"other.example.com"}, stages: []string{"tls", "connect"}},
}

// encryption checks how the site speaks with mail servers. Only servers of this command can misbehave as the checks want.
func (r *report) encryption(ctx context.Context, visitor visitor, authority *smtptest.CA) {
	if visitor.mail == nil {
		fmt.Fprintln(r.out, "NOTE  Encryption is not checked: with -mail-host it is yours to test.")
		return
	}
	if authority == nil {
		fmt.Fprintln(r.out, "NOTE  Whether a trusted certificate is accepted is not checked: give -mail-ca, and let the site trust that authority.")
	}
	for _, e := range encryptions {
		if e.trusted && authority == nil {
			continue
		}
		r.check(ctx, "Encryption/"+e.name, "putTest", func(t sitetest.T) { e.run(visitor.subject(t, e.name), authority) })
	}
}

func (e encrypted) run(s *subject, authority *smtptest.CA) {
	if !e.trusted {
		authority = nil // a new one, which nobody knows
	}
	to := s.Good.Settings
	server, err := smtptest.New(smtptest.Config{
		Encryption: e.server, CA: authority, Leaf: smtptest.Leaf{Names: e.names},
		Users: map[string]secret.Text{to.Username: s.Good.Password},
	})
	if err != nil {
		s.Fatalf("%v", err)
	}
	defer func() { _ = server.Close() }()
	candidate := s.Good
	candidate.Settings.Host, candidate.Settings.Port, candidate.Settings.Encryption = server.Host(), server.Port(), e.encryption
	path := newTest()
	got := s.result(path, s.call(http.MethodPut, path, s.testOf(candidate)))
	stage, _ := got["stage"].(string)
	counted := server.Counters()
	switch {
	case e.stages == nil && (got["status"] != "passed" || counted.Messages != 1):
		s.Errorf("the test ends as %v at %v (%v) with %d messages, want passed with 1", got["status"], stage, got["error"], counted.Messages)
	case e.stages != nil && (got["status"] != "failed" || !slices.Contains(e.stages, stage)):
		s.Errorf("the test ends as %v at %v, want failed at %s", got["status"], stage, e.stages[0])
	}
	if e.stages != nil && counted.Logins+counted.Messages > 0 {
		s.Errorf("the site logged in, although it must not speak with this server")
	}
}

// loadAuthority reads the authority in a file, certificate and key in PEM, which it makes when there is none.
func loadAuthority(path string) (*smtptest.CA, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // the file that the flag names
	if err == nil {
		return smtptest.ParseCA(text)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	ca, err := smtptest.NewCA()
	if err != nil {
		return nil, err
	}
	text, err = ca.PEMWithKey()
	if err != nil {
		return nil, err
	}
	return ca, os.WriteFile(path, text, 0o600)
}
