package smtptest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

var users = map[string]secret.Text{"app@example.com": secret.New("right")}

// connect opens a client of go-smtp's, closed with the test.
func connect(t *testing.T, s *smtptest.Server, e site.Encryption) *smtp.Client {
	t.Helper()
	address := net.JoinHostPort(s.Host(), strconv.Itoa(s.Port()))
	config := &tls.Config{RootCAs: s.RootCAs(), ServerName: "localhost", MinVersion: tls.VersionTLS12}
	var c *smtp.Client
	var err error
	switch e {
	case site.TLS:
		c, err = smtp.DialTLS(address, config)
	case site.STARTTLS:
		c, err = smtp.DialStartTLS(address, config)
	default:
		c, err = smtp.Dial(address)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// wantReply checks code and enhanced code of a refusal.
func wantReply(t *testing.T, err error, code int, enhanced smtp.EnhancedCode) {
	t.Helper()
	reply, ok := errors.AsType[*smtp.SMTPError](err)
	if !ok || reply.Code != code || reply.EnhancedCode != enhanced {
		t.Fatalf("got %#v, want %d %v", err, code, enhanced)
	}
}

func TestServerTakesMessages(t *testing.T) {
	const text = "Subject: hello\r\n\r\n.dot\r\nlast\r\n"
	for _, e := range site.Encryptions() {
		t.Run(string(e), func(t *testing.T) {
			s := smtptest.Start(t, smtptest.Config{Encryption: e, Users: users})
			c := connect(t, s, e)
			if err := c.Auth(sasl.NewPlainClient("", "app@example.com", "right")); err != nil {
				t.Fatal(err)
			}
			if err := c.SendMail("app@example.com", []string{"a@example.com", "b@example.com"}, strings.NewReader(text)); err != nil {
				t.Fatal(err)
			}
			messages := s.Messages()
			if len(messages) != 1 {
				t.Fatalf("got %d messages", len(messages))
			}
			m := messages[0]
			if string(m.Data) != text || m.From != "app@example.com" || strings.Join(m.To, " ") != "a@example.com b@example.com" {
				t.Errorf("got %q from %s to %s", m.Data, m.From, m.To)
			}
			if m.TLS != (e != site.NoEncryption) || m.User != "app@example.com" || m.HELOName != "localhost" || m.QueueID == "" {
				t.Errorf("got TLS %v, user %q, HELO name %q, queue id %q", m.TLS, m.User, m.HELOName, m.QueueID)
			}
			if time.Since(m.ReceivedAt) > time.Minute {
				t.Errorf("the message was received at %s, want within the last minute", m.ReceivedAt)
			}
			if got, want := s.Counters(), (smtptest.Counters{Connections: 1, Logins: 1, Messages: 1}); got != want {
				t.Errorf("counted %+v, want %+v", got, want)
			}
		})
	}
}

func TestServerNamesTheMessageInItsReply(t *testing.T) {
	s := smtptest.Start(t, smtptest.Config{Encryption: site.NoEncryption})
	c := connect(t, s, site.NoEncryption)
	if err := errors.Join(c.Mail("a@example.com", nil), c.Rcpt("b@example.com", nil)); err != nil {
		t.Fatal(err)
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "x"); err != nil {
		t.Fatal(err)
	}
	response, err := w.CloseWithResponse()
	if err != nil {
		t.Fatal(err)
	}
	if want := "2.0.0 OK: queued as " + s.Messages()[0].QueueID; response.StatusText != want {
		t.Errorf("got %q, want %q", response.StatusText, want)
	}
}

func TestServerLogins(t *testing.T) {
	login := sasl.NewLoginClient
	plain := func(user, password string) sasl.Client { return sasl.NewPlainClient("", user, password) }
	s := smtptest.Start(t, smtptest.Config{Users: users})
	s.SetUser("new@example.com", secret.New("fresh"))
	for name, c := range map[string]struct {
		client sasl.Client
		taken  bool
	}{
		"PlainRight":        {plain("app@example.com", "right"), true},
		"LoginRight":        {login("app@example.com", "right"), true},
		"PlainWrong":        {plain("app@example.com", "wrong"), false},
		"LoginWrong":        {login("app@example.com", "wrong"), false},
		"UnknownUser":       {plain("nobody@example.com", ""), false},
		"UserAddedLater":    {plain("new@example.com", "fresh"), true},
		"UnknownUserEmpty":  {login("nobody@example.com", ""), false},
		"OtherUserPassword": {plain("new@example.com", "right"), false},
	} {
		t.Run(name, func(t *testing.T) {
			err := connect(t, s, site.STARTTLS).Auth(c.client)
			if c.taken {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantReply(t, err, 535, smtp.EnhancedCode{5, 7, 8})
		})
	}
	if got := s.Counters().Logins; got != 8 {
		t.Errorf("counted %d logins, want 8", got)
	}
}

func TestServerRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		config   smtptest.Config
		try      func(*smtp.Client) error
		code     int
		enhanced smtp.EnhancedCode
	}{
		"LoginBeforeTLS": {
			smtptest.Config{Users: users},
			func(c *smtp.Client) error { return c.Auth(sasl.NewPlainClient("", "app@example.com", "right")) },
			523,
			smtp.EnhancedCode{5, 7, 10},
		},
		"MechanismNotOffered": {
			smtptest.Config{Encryption: site.NoEncryption, Users: users, Mechanisms: []string{sasl.Login}},
			func(c *smtp.Client) error { return c.Auth(sasl.NewPlainClient("", "app@example.com", "right")) },
			504,
			smtp.EnhancedCode{5, 5, 4},
		},
		"MessageWithoutLogin": {
			smtptest.Config{Encryption: site.NoEncryption, Users: users},
			func(c *smtp.Client) error { return c.Mail("app@example.com", nil) },
			530,
			smtp.EnhancedCode{5, 7, 0},
		},
		"MessageAnnouncedTooLarge": {
			smtptest.Config{Encryption: site.NoEncryption, MaxMessageBytes: 1000},
			func(c *smtp.Client) error { return c.Mail("app@example.com", &smtp.MailOptions{Size: 1001}) },
			552,
			smtp.EnhancedCode{5, 3, 4},
		},
		"MessageTooLarge": {
			smtptest.Config{Encryption: site.NoEncryption, MaxMessageBytes: 1000},
			func(c *smtp.Client) error {
				return c.SendMail("a@example.com", []string{"b@example.com"}, strings.NewReader(strings.Repeat("x", 1001)))
			},
			552,
			smtp.EnhancedCode{5, 3, 4},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := smtptest.Start(t, c.config)
			wantReply(t, c.try(connect(t, s, site.NoEncryption)), c.code, c.enhanced)
			if n := s.Counters().Messages; n != 0 {
				t.Errorf("accepted %d messages, want 0", n)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	refusal := func(code int) *smtp.SMTPError {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 7, 1}, Message: "no"}
	}
	for name, c := range map[string]struct {
		faults smtptest.Faults
		code   int
	}{
		"Auth":      {smtptest.Faults{AuthErr: refusal(454)}, 454},
		"Mail":      {smtptest.Faults{MailErr: refusal(550)}, 550},
		"Recipient": {smtptest.Faults{RcptErr: map[string]*smtp.SMTPError{"b@example.com": refusal(553)}}, 553},
		"Data":      {smtptest.Faults{DataErr: refusal(554)}, 554},
	} {
		t.Run(name, func(t *testing.T) {
			s := smtptest.Start(t, smtptest.Config{Encryption: site.NoEncryption, Users: users})
			s.SetFaults(c.faults)
			send := func() error {
				client := connect(t, s, site.NoEncryption)
				if err := client.Auth(sasl.NewPlainClient("", "app@example.com", "right")); err != nil {
					return err
				}
				return client.SendMail("a@example.com", []string{"b@example.com"}, strings.NewReader("x"))
			}
			wantReply(t, send(), c.code, smtp.EnhancedCode{c.code / 100, 7, 1})
			s.SetFaults(smtptest.Faults{})
			if err := send(); err != nil {
				t.Errorf("still refused after the fault was lifted: %v", err)
			}
		})
	}
}

func TestBeforeHoldsTheAnswer(t *testing.T) {
	reached, release := make(chan site.Stage), make(chan struct{})
	s := smtptest.Start(t, smtptest.Config{Encryption: site.NoEncryption, Faults: smtptest.Faults{
		Before: func(_ context.Context, stage site.Stage) {
			reached <- stage
			<-release
		},
	}})
	sent := make(chan error, 1)
	client := connect(t, s, site.NoEncryption)
	go func() { sent <- client.SendMail("a@example.com", []string{"b@example.com"}, strings.NewReader("x")) }()
	for _, want := range []site.Stage{site.StageMail, site.StageRcpt, site.StageData} {
		if got := <-reached; got != want {
			t.Errorf("reached %s, want %s", got, want)
		}
		if n := len(s.Messages()); n != 0 {
			t.Errorf("accepted %d messages before stage %s was released", n, want)
		}
		release <- struct{}{}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func TestCloseEndsHeldSessions(t *testing.T) {
	for held, say := range map[site.Stage]func(*smtp.Client) error{
		site.StageAuth: func(c *smtp.Client) error { return c.Auth(sasl.NewPlainClient("", "app@example.com", "right")) },
		site.StageMail: func(c *smtp.Client) error { return c.Mail("a@example.com", nil) },
		site.StageRcpt: func(c *smtp.Client) error {
			return errors.Join(c.Mail("a@example.com", nil), c.Rcpt("b@example.com", nil))
		},
		site.StageData: func(c *smtp.Client) error {
			return c.SendMail("a@example.com", []string{"b@example.com"}, strings.NewReader("hello"))
		},
	} {
		t.Run(string(held), func(t *testing.T) {
			reached := make(chan struct{})
			config := smtptest.Config{Encryption: site.NoEncryption, Faults: smtptest.Faults{
				Before: func(ctx context.Context, stage site.Stage) {
					if stage == held {
						close(reached)
						<-ctx.Done()
					}
				},
			}}
			if held == site.StageAuth {
				config.Users = users
			}
			s, err := smtptest.New(config)
			if err != nil {
				t.Fatal(err)
			}
			client := connect(t, s, site.NoEncryption)
			said := make(chan error, 1)
			go func() { said <- say(client) }()
			<-reached
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if err := <-said; err == nil {
				t.Error("a closed server still replied with success")
			}
		})
	}
}

func TestCAPEMIsTheRoot(t *testing.T) {
	s := smtptest.Start(t, smtptest.Config{Encryption: site.TLS})
	block, rest := pem.Decode(s.CAPEM())
	if block == nil || len(rest) != 0 {
		t.Fatalf("not one PEM block: %q", s.CAPEM())
	}
	conn, err := tls.Dial("tcp", net.JoinHostPort(s.Host(), strconv.Itoa(s.Port())),
		&tls.Config{RootCAs: s.RootCAs(), MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.ConnectionState().PeerCertificates[0].CheckSignatureFrom(conn.ConnectionState().VerifiedChains[0][1]); err != nil {
		t.Error(err)
	}
}

func TestServersShareAnAuthority(t *testing.T) {
	ca, err := smtptest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	a := smtptest.Start(t, smtptest.Config{CA: ca})
	b := smtptest.Start(t, smtptest.Config{CA: ca, Leaf: smtptest.Leaf{Names: []string{"mail.example.test"}}})
	if !bytes.Equal(a.CAPEM(), b.CAPEM()) || !a.RootCAs().Equal(b.RootCAs()) {
		t.Error("the servers have different authorities")
	}
}
