package submit_test

import (
	"bytes"
	"io"
	"mime"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gomail "github.com/emersion/go-message/mail"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

func stages(r site.TestResult) []site.Stage {
	var names []site.Stage
	for _, s := range r.Stages {
		names = append(names, s.Stage)
	}
	return names
}

func TestSend(t *testing.T) {
	for e, want := range map[site.Encryption][]site.Stage{
		site.STARTTLS:     {"connect", "banner", "ehlo", "starttls", "tls", "ehlo", "auth", "mail", "rcpt", "data"},
		site.TLS:          {"connect", "tls", "banner", "ehlo", "auth", "mail", "rcpt", "data"},
		site.NoEncryption: {"connect", "banner", "ehlo", "auth", "mail", "rcpt", "data"},
	} {
		t.Run(string(e), func(t *testing.T) {
			server, sender, c := start(t, smtptest.Config{Encryption: e})
			before := time.Now()
			r := sender.Send(t.Context(), c, recipient)
			if r.Status != site.Passed || r.Stage != site.StageData || r.Error != "" {
				t.Fatalf("got %+v", r)
			}
			if got := stages(r); !slices.Equal(got, want) {
				t.Errorf("got stages %q, want %q", got, want)
			}
			m := server.Messages()[0]
			if wantReply := (site.Reply{Code: 250, EnhancedCode: "2.0.0", Text: "OK: queued as " + m.QueueID}); *r.Reply != wantReply {
				t.Errorf("got reply %+v, want %+v", *r.Reply, wantReply)
			}
			if r.Recipient != recipient || r.TestedAt.Before(before) || r.Diagnosis != nil || r.Certificate != nil {
				t.Errorf("got %+v", r)
			}
			if m.TLS != (e != site.NoEncryption) || m.User != user || m.From != user || !slices.Equal(m.To, []string{recipient}) {
				t.Errorf("the server accepted %+v", m)
			}
			if m.HELOName != "client.example.com" {
				t.Errorf("got HELO name %q", m.HELOName)
			}
			if got, want := server.Counters(), (smtptest.Counters{Connections: 1, Logins: 1, Messages: 1}); got != want {
				t.Errorf("got counters %+v, want %+v", got, want)
			}
		})
	}
}

func TestSendWithoutLogin(t *testing.T) {
	server, sender, c := start(t, smtptest.Config{Users: map[string]secret.Text{}})
	c.Settings.Username, c.Password = "", secret.Text{}
	r := sender.Send(t.Context(), c, recipient)
	if r.Status != site.Passed || slices.Contains(stages(r), site.StageAuth) {
		t.Errorf("got %+v", r)
	}
	if got := server.Counters().Logins; got != 0 {
		t.Errorf("got %d logins, want 0", got)
	}
}

func TestLoginSendsNoMessage(t *testing.T) {
	server, sender, c := start(t, smtptest.Config{})
	c.Settings.FromAddress = ""
	r := sender.Login(t.Context(), c)
	if r.Status != site.Passed || r.Stage != site.StageAuth || r.MessageID != "" || r.Recipient != "" {
		t.Errorf("got %+v", r)
	}
	if got, want := server.Counters(), (smtptest.Counters{Connections: 1, Logins: 1}); got != want {
		t.Errorf("got counters %+v, want %+v", got, want)
	}
}

func TestLoginWithoutUsernameStopsAtEHLO(t *testing.T) {
	s, sender, c := script(t, site.STARTTLS, until(afterTLS, func(p *smtptest.Peer) {
		p.Say("250 mail.example.test")
		quit(p)
	}))
	c.Settings.Username, c.Password = "", secret.Text{}
	if r := sender.Login(t.Context(), c); r.Status != site.Passed || r.Stage != site.StageEHLO {
		t.Errorf("got %+v", r)
	}
	if want := []string{"EHLO client.example.com", "STARTTLS", "EHLO client.example.com", "QUIT"}; !slices.Equal(s.Heard(), want) {
		t.Errorf("the client sent %q, want %q", s.Heard(), want)
	}
}

// TestTestMessage checks the message against RFC 5322 section 3.6 with two parsers that did not write it.
func TestTestMessage(t *testing.T) {
	server, sender, c := start(t, smtptest.Config{})
	c.Settings.FromName = "Größe, \"AG\"\r\nBcc: x@example.com"
	if r := sender.Send(t.Context(), c, recipient); r.Status != site.Failed || r.Stage != site.StageData {
		t.Fatalf("a name with a line break was not refused: %+v", r)
	}
	c.Settings.FromName = "Größe, \"AG\""
	c.Settings.ReplyTo = "replies@example.net"
	r := sender.Send(t.Context(), c, recipient)
	if r.Status != site.Passed {
		t.Fatalf("got %+v", r)
	}
	data := server.Messages()[0].Data
	parsed, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	from, err := parsed.Header.AddressList("From")
	if err != nil || len(from) != 1 || from[0].Name != c.Settings.FromName || from[0].Address != user {
		t.Errorf("got From %v, %v", from, err)
	}
	if replyTo, err := parsed.Header.AddressList("Reply-To"); err != nil || len(replyTo) != 1 || replyTo[0].Address != c.Settings.ReplyTo {
		t.Errorf("got Reply-To %v, %v", replyTo, err)
	}
	to, err := parsed.Header.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Address != recipient {
		t.Errorf("got To %v, %v", to, err)
	}
	if date, err := parsed.Header.Date(); err != nil || time.Since(date).Abs() > time.Minute {
		t.Errorf("got Date %v, %v", date, err)
	}
	if id := parsed.Header.Get("Message-Id"); id != "<"+r.MessageID+">" || !strings.HasSuffix(r.MessageID, "@example.com") {
		t.Errorf("got Message-ID %q, but the result says %q", id, r.MessageID)
	}
	for name, want := range map[string]string{"Auto-Submitted": "auto-generated", "Mime-Version": "1.0"} {
		if got := parsed.Header.Get(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	if kind, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type")); kind != "text/plain" || params["charset"] != "utf-8" || err != nil {
		t.Errorf("got Content-Type %s %v, %v", kind, params, err)
	}
	token := regexp.MustCompile(`[A-Z2-7]{10}$`).FindString(parsed.Header.Get("Subject"))
	reader, err := gomail.CreateReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	part, err := reader.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(part.Body)
	if err != nil || token == "" || !strings.Contains(string(body), token) {
		t.Errorf("the body lacks the token %q of the subject: %q, %v", token, body, err)
	}
	if strings.Contains(string(body), "://") {
		t.Errorf("the body holds a URL: %q", body)
	}
}

// TestTestMessageIsPlainLines holds the limits of RFC 5322 section 2.1.1: 78 where folding is possible, 998 always.
func TestTestMessageIsPlainLines(t *testing.T) {
	longest := strings.Repeat("a", 64) + "@" + strings.Repeat(strings.Repeat("b", 60)+".", 3) + "test"
	for name, c := range map[string]struct {
		fromName, fromAddress string
		limit                 int
	}{
		"ShortName":   {"Exämple", user, 78},
		"LongName":    {strings.Repeat("Name ", 40) + "x", user, 78},
		"LongestName": {strings.Repeat("ä", 127), longest, 998},
	} {
		t.Run(name, func(t *testing.T) {
			server, sender, candidate := start(t, smtptest.Config{})
			candidate.Settings.FromName, candidate.Settings.FromAddress = c.fromName, c.fromAddress
			if r := sender.Send(t.Context(), candidate, recipient); r.Status != site.Passed {
				t.Fatalf("got %+v", r)
			}
			m := server.Messages()[0]
			for line := range strings.SplitSeq(strings.TrimSuffix(string(m.Data), "\r\n"), "\r\n") {
				if len(line) > c.limit || strings.ContainsAny(line, "\r\n") || strings.ContainsFunc(line, func(r rune) bool { return r > '~' }) {
					t.Errorf("got a line of %d bytes or with other characters than ASCII: %q", len(line), line)
				}
			}
			if m.Size != int64(len(m.Data)) {
				t.Errorf("got SIZE=%d for a message of %d bytes", m.Size, len(m.Data))
			}
		})
	}
}

func TestEveryMessageIsItsOwn(t *testing.T) {
	server, sender, c := start(t, smtptest.Config{})
	a, b := sender.Send(t.Context(), c, recipient), sender.Send(t.Context(), c, recipient)
	if a.MessageID == b.MessageID || a.MessageID == "" {
		t.Errorf("got the Message-IDs %q and %q, want two different ones", a.MessageID, b.MessageID)
	}
	subject := func(i int) string {
		m, err := mail.ReadMessage(bytes.NewReader(server.Messages()[i].Data))
		if err != nil {
			t.Fatal(err)
		}
		return m.Header.Get("Subject")
	}
	if subject(0) == subject(1) {
		t.Errorf("both subjects are %q", subject(0))
	}
}

func TestClock(t *testing.T) {
	server, sender, c := start(t, smtptest.Config{Encryption: site.NoEncryption})
	now := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	sender.Now = func() time.Time { now = now.Add(time.Second); return now }
	r := sender.Send(t.Context(), c, recipient)
	if r.TestedAt != now {
		t.Errorf("tested at %s, want %s", r.TestedAt, now)
	}
	for _, s := range r.Stages {
		if s.Duration <= 0 {
			t.Errorf("stage %s took %s", s.Stage, s.Duration)
		}
	}
	m, err := mail.ReadMessage(bytes.NewReader(server.Messages()[0].Data))
	if err != nil {
		t.Fatal(err)
	}
	if date, err := m.Header.Date(); err != nil || date.Before(now.Add(-time.Minute)) || date.After(now) {
		t.Errorf("got Date %s, %v", date, err)
	}
}

func TestNonASCIIAddresses(t *testing.T) {
	t.Run("DomainsAreSentInASCII", func(t *testing.T) {
		server, sender, c := start(t, smtptest.Config{})
		c.Settings.FromAddress = "app@bücher.example"
		r := sender.Send(t.Context(), c, "ops@münchen.example")
		if r.Status != site.Passed || r.Recipient != "ops@münchen.example" {
			t.Fatalf("got %+v", r)
		}
		m := server.Messages()[0]
		if m.From != "app@xn--bcher-kva.example" || m.To[0] != "ops@xn--mnchen-3ya.example" || m.UTF8 {
			t.Errorf("the server accepted a message from %s to %s with SMTPUTF8 %v", m.From, m.To, m.UTF8)
		}
		if !strings.HasSuffix(r.MessageID, "@xn--bcher-kva.example") {
			t.Errorf("got Message-ID %q", r.MessageID)
		}
	})
	t.Run("LocalPartUsesSMTPUTF8", func(t *testing.T) {
		server, sender, c := start(t, smtptest.Config{})
		if r := sender.Send(t.Context(), c, "größe@example.com"); r.Status != site.Passed {
			t.Fatalf("got %+v", r)
		}
		if m := server.Messages()[0]; !m.UTF8 || m.To[0] != "größe@example.com" {
			t.Errorf("the server accepted a message to %s with SMTPUTF8 %v", m.To, m.UTF8)
		}
	})
	t.Run("SenderLocalPartUsesSMTPUTF8", func(t *testing.T) {
		server, sender, c := start(t, smtptest.Config{})
		c.Settings.FromAddress = "größe@example.com"
		if r := sender.Send(t.Context(), c, recipient); r.Status != site.Passed {
			t.Fatalf("got %+v", r)
		}
		if m := server.Messages()[0]; !m.UTF8 || m.From != "größe@example.com" {
			t.Errorf("the server accepted a message from %s with SMTPUTF8 %v", m.From, m.UTF8)
		}
	})
	t.Run("WithoutSMTPUTF8NothingIsSent", func(t *testing.T) {
		s, sender, c := script(t, site.STARTTLS, until(site.StageMail, (*smtptest.Peer).Wait))
		r := sender.Send(t.Context(), c, "größe@example.com")
		if r.Status != site.Failed || r.Stage != site.StageMail || r.Error != "smtp: server does not support SMTPUTF8" {
			t.Errorf("got %+v", r)
		}
		if strings.Contains(strings.Join(s.Heard(), "\n"), "MAIL") {
			t.Errorf("the client sent %q", s.Heard())
		}
	})
}

func TestSizeIsAnnounced(t *testing.T) {
	server, sender, c := start(t, smtptest.Config{MaxMessageBytes: 200})
	r := sender.Send(t.Context(), c, recipient)
	if r.Stage != site.StageMail || r.Reply == nil || r.Reply.Code != 552 || r.Reply.EnhancedCode != "5.3.4" {
		t.Errorf("got %+v", r)
	}
	if got := server.Counters().Messages; got != 0 {
		t.Errorf("the server accepted %d messages, want 0", got)
	}
}

func TestZeroSenderTrustsTheSystemOnly(t *testing.T) {
	_, _, c := start(t, smtptest.Config{})
	r := new(submit.Sender).Send(t.Context(), c, recipient)
	if r.Status != site.Failed || r.Stage != site.StageTLS || !strings.Contains(r.Error, "certificate signed by unknown authority") {
		t.Errorf("got %+v", r)
	}
}
