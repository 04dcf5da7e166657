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

// encrypted is a check with a mail server that uses TLS, or fails to.
type encrypted struct {
	name string
	// server is the server's encryption, encryption the setting of the site.
	server, encryption site.Encryption
	// trusted checks need an authority that the site trusts. names are the names in the certificate; empty stands for the host's.
	trusted bool
	names   []string
	// stages are the stages at which the test may fail; if there are none, it must pass.
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

// encryption checks the site's connections to mail servers. Only the servers of this command can misbehave as the checks require.
func (r *report) encryption(ctx context.Context, visitor visitor, authority *smtptest.CA) {
	if visitor.mail == nil {
		fmt.Fprintln(r.out, "NOTE  Encryption is not checked, because -mail-host names another mail server.")
		return
	}
	if authority == nil {
		fmt.Fprintln(r.out, "NOTE  Whether the site accepts a trusted certificate is not checked: use -mail-ca, and let the site trust that authority.")
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
		authority = nil // smtptest then creates a new one, which no site trusts
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
		s.Errorf("the site logged in or sent a message, although it must not use this server")
	}
}

// loadAuthority reads the certificate and key (PEM) of an authority from a file. It creates the file if it does not exist.
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
