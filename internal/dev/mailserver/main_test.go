package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// lines gives what is written to it, write by write.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

func TestMailserver(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out, ended := make(lines, 100), make(chan error)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	env := func(string) string { return "a password" }
	go func() {
		ended <- run(ctx, []string{"-listen", "127.0.0.1:0", "-user", "shop@client.example", "-ca", ca}, env, out, io.Discard)
	}()
	first := <-out
	_, address, found := strings.Cut(strings.TrimSpace(first), "accepting mail from shop@client.example at ")
	if !found {
		t.Fatal(first)
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client, err := smtp.DialStartTLS(address, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Auth(sasl.NewPlainClient("", "shop@client.example", "a password")); err != nil {
		t.Fatal(err)
	}
	if err := client.SendMail("shop@client.example", []string{"ops@agency.example"}, strings.NewReader("Subject: Test\r\n\r\nHello\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := client.Quit(); err != nil {
		t.Error(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	close(out)
	var text strings.Builder
	for line := range out {
		text.WriteString(line)
	}
	if want := "\nshop@client.example to ops@agency.example:\n\n    Subject: Test\n\n    Hello\n"; text.String() != want {
		t.Errorf("got %q, want %q", text.String(), want)
	}
}

func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		args          []string
		password, why string
	}{
		"NoUser":      {nil, "x", "-user"},
		"NoPassword":  {[]string{"-user", "x"}, "", "MAIL_PASSWORD"},
		"UnknownFlag": {[]string{"-users", "x"}, "x", "flag provided"},
		"Argument":    {[]string{"-user", "x", "y"}, "x", "unknown argument"},
		"Address":     {[]string{"-user", "x", "-listen", "nowhere"}, "x", "address"},
		"CA":          {[]string{"-user", "x", "-listen", "127.0.0.1:0", "-ca", filepath.Join(t.TempDir(), "none", "ca")}, "x", "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), test.args, func(string) string { return test.password }, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.why) {
				t.Errorf("got %v, want %s", err, test.why)
			}
		})
	}
}
