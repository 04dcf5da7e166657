package submit_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// offering is a server on loopback without TLS that answers EHLO with the lines and goes on with then.
func offering(then func(*smtptest.Peer), lines ...string) func(*smtptest.Peer) {
	return func(p *smtptest.Peer) {
		p.Say("220 mail.example.test ESMTP")
		p.Answer("250-mail.example.test\n" + strings.Join(lines, "\n"))
		then(p)
	}
}

// said are the lines that the client sent behind EHLO.
func said(s *smtptest.Script) []string { return s.Heard()[1:] }

func TestMechanism(t *testing.T) {
	plain := "AUTH PLAIN " + b64("\x00"+user+"\x00"+canary)
	login := []string{"AUTH LOGIN", b64(user), b64(canary)}
	answerPlain := func(p *smtptest.Peer) { p.Answer("235 2.7.0 ok", "221 bye") }
	answerLogin := func(username, password string) func(*smtptest.Peer) {
		return func(p *smtptest.Peer) { p.Answer("334 "+username, "334 "+password, "235 2.7.0 ok", "221 bye") }
	}
	for name, c := range map[string]struct {
		offer string
		play  func(*smtptest.Peer)
		said  []string
	}{
		"PlainOnly":              {"250 AUTH PLAIN", answerPlain, []string{plain}},
		"PlainBeforeLogin":       {"250 AUTH LOGIN PLAIN", answerPlain, []string{plain}},
		"PlainAmongOthers":       {"250 AUTH XOAUTH2 CRAM-MD5 PLAIN", answerPlain, []string{plain}},
		"LowerCase":              {"250 auth plain login", answerPlain, []string{plain}},
		"MixedCase":              {"250 Auth Plain", answerPlain, []string{plain}},
		"OldForm":                {"250 AUTH=PLAIN LOGIN", answerPlain, []string{plain}},
		"OldFormLowerCase":       {"250 auth=login", answerLogin(b64("Username:"), b64("Password:")), login},
		"Tabs":                   {"250 AUTH\tLOGIN  PLAIN ", answerPlain, []string{plain}},
		"LoginAsMicrosoft":       {"250 AUTH LOGIN XOAUTH2", answerLogin(b64("Username:"), b64("Password:")), login},
		"LoginOtherSpelling":     {"250 AUTH LOGIN", answerLogin(b64("User Name\x00"), b64("Password\x00")), login},
		"LoginLowerCaseQuestion": {"250 AUTH LOGIN", answerLogin(b64("username:"), b64("password:")), login},
		"LoginNotBase64":         {"250 AUTH LOGIN", answerLogin("Username:", "!!!!"), login},
		"LoginWithoutQuestions":  {"250 AUTH LOGIN", answerLogin("", ""), login},
	} {
		t.Run(name, func(t *testing.T) {
			s, sender, candidate := script(t, site.NoEncryption, offering(c.play, c.offer))
			if r := sender.Login(t.Context(), candidate); r.Status != site.Passed {
				t.Errorf("got %+v", r)
			}
			if want := slices.Concat(c.said, []string{"QUIT"}); !slices.Equal(said(s), want) {
				t.Errorf("the client sent %q, want %q", said(s), want)
			}
		})
	}
}

func TestMechanismOffersAreJoined(t *testing.T) {
	s, sender, c := script(t, site.NoEncryption, offering(func(p *smtptest.Peer) { p.Answer("235 ok", "221 bye") },
		"250-AUTH=LOGIN", "250-AUTH LOGIN PLAIN", "250 SIZE"))
	if r := sender.Login(t.Context(), c); r.Status != site.Passed || !strings.HasPrefix(said(s)[0], "AUTH PLAIN ") {
		t.Errorf("got %+v after %q", r, said(s))
	}
}

func TestNoUsableMechanism(t *testing.T) {
	for name, c := range map[string]struct{ offer, text string }{
		"NoLogin":         {"250 SIZE", "server doesn't support AUTH"},
		"EmptyOffer":      {"250 AUTH", "server doesn't support AUTH"},
		"TokensOnly":      {"250 AUTH XOAUTH2 OAUTHBEARER", "server offers only logins with a token, not with a password: XOAUTH2 OAUTHBEARER"},
		"OthersOnly":      {"250 AUTH CRAM-MD5 GSSAPI", "server offers neither PLAIN nor LOGIN, only CRAM-MD5 GSSAPI"},
		"TokensAndOthers": {"250 AUTH XOAUTH2 NTLM", "server offers neither PLAIN nor LOGIN, only XOAUTH2 NTLM"},
	} {
		t.Run(name, func(t *testing.T) {
			s, sender, candidate := script(t, site.NoEncryption, offering((*smtptest.Peer).Wait, c.offer))
			r := sender.Send(t.Context(), candidate, recipient)
			if r.Status != site.Failed || r.Stage != site.StageAuth || r.Error != c.text {
				t.Errorf("got %+v", r)
			}
			if len(said(s)) != 0 {
				t.Errorf("the client sent %q", said(s))
			}
		})
	}
}

// TestLongPasswordFitsTheLine: with it, the initial response would make the command longer than 512 bytes.
func TestLongPasswordFitsTheLine(t *testing.T) {
	for name, length := range map[string]int{"JustFits": 355, "JustTooLong": 356, "Token": 2000} {
		t.Run(name, func(t *testing.T) {
			password := strings.Repeat("p", length)
			s, sender, c := script(t, site.NoEncryption, offering(func(p *smtptest.Peer) {
				if line, _ := p.Hear(); line == "AUTH PLAIN" {
					p.Say("334 ")
					p.Hear()
				}
				p.Say("235 ok")
				quit(p)
			}, "250 AUTH PLAIN"))
			c.Password = secret.New(password)
			if r := sender.Login(t.Context(), c); r.Status != site.Passed {
				t.Fatalf("got %+v", r)
			}
			response := b64("\x00" + user + "\x00" + password)
			want := []string{"AUTH PLAIN", response, "QUIT"}
			if name == "JustFits" {
				want = []string{"AUTH PLAIN " + response, "QUIT"}
			}
			if !slices.Equal(said(s), want) {
				t.Errorf("the client sent the lines %q", said(s))
			}
			if first := said(s)[0]; len(first)+len("\r\n") > 512 {
				t.Errorf("the command is %d bytes long", len(first))
			}
		})
	}
}

func TestUnexpectedChallenge(t *testing.T) {
	for name, c := range map[string]struct{ offer, challenge, text string }{
		"PlainAsksAgain": {"250 AUTH PLAIN", "334 " + b64("again"), sasl.ErrUnexpectedServerChallenge.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			heard := make(chan struct{})
			s, sender, candidate := script(t, site.NoEncryption, offering(func(p *smtptest.Peer) {
				p.Answer(c.challenge, "501 5.0.0 cancelled")
				close(heard)
				p.Wait()
			}, c.offer))
			r := sender.Login(t.Context(), candidate)
			if r.Stage != site.StageAuth || r.Error != c.text {
				t.Errorf("got %+v", r)
			}
			<-heard
			if last := said(s)[len(said(s))-1]; last != "*" {
				t.Errorf("the client sent %q", said(s))
			}
		})
	}
}

// TestR38LoginIsTriedOnce: repeats lock accounts.
func TestR38LoginIsTriedOnce(t *testing.T) {
	for name, refusal := range map[string]*smtp.SMTPError{
		"WrongPassword": nil,
		"Later":         {Code: 454, EnhancedCode: smtp.EnhancedCode{4, 7, 0}, Message: "Temporary authentication failure"},
	} {
		t.Run(name, func(t *testing.T) {
			server, sender, c := start(t, smtptest.Config{Faults: smtptest.Faults{AuthErr: refusal}})
			if refusal == nil {
				c.Password = secret.New("wrong")
			}
			r := sender.Send(t.Context(), c, recipient)
			if r.Status != site.Failed || r.Stage != site.StageAuth || r.Reply == nil || r.Reply.EnhancedCode == "" {
				t.Errorf("got %+v", r)
			}
			if got, want := server.Counters(), (smtptest.Counters{Connections: 1, Logins: 1}); got != want {
				t.Errorf("got counters %+v, want %+v", got, want)
			}
		})
	}
}

func TestLoginOfferedOnlyAsLOGIN(t *testing.T) {
	server, sender, c := start(t, smtptest.Config{Mechanisms: []string{sasl.Login}})
	if r := sender.Send(t.Context(), c, recipient); r.Status != site.Passed {
		t.Errorf("got %+v", r)
	}
	if got := server.Messages()[0].User; got != user {
		t.Errorf("got username %q", got)
	}
}

func TestServerThatRefusesHELOToo(t *testing.T) {
	_, sender, c := script(t, site.NoEncryption, func(p *smtptest.Peer) {
		p.Say("220 old.example.test SMTP")
		p.Answer("502 what", "550 5.7.1 not you")
		quit(p)
	})
	c.Settings.Username, c.Password = "", secret.Text{}
	if r := sender.Login(t.Context(), c); r.Status != site.Failed || r.Stage != site.StageEHLO || r.Reply == nil || r.Reply.Code != 550 {
		t.Errorf("got %+v, reply %v", r, r.Reply)
	}
}

func TestHELOForAServerWithoutEHLO(t *testing.T) {
	s, sender, c := script(t, site.NoEncryption, func(p *smtptest.Peer) {
		p.Say("220 old.example.test SMTP")
		p.Answer("502 what", "250 old.example.test", "250 ok", "250 ok", "354 go")
		p.HearBody()
		p.Say("250 taken")
		quit(p)
	})
	c.Settings.Username, c.Password = "", secret.Text{}
	if r := sender.Send(t.Context(), c, recipient); r.Status != site.Passed {
		t.Errorf("got %+v", r)
	}
	want := []string{"HELO client.example.com", "MAIL FROM:<" + user + ">", "RCPT TO:<" + recipient + ">"}
	if got := said(s)[:3]; !slices.Equal(got, want) {
		t.Errorf("the client sent %q, want %q", got, want)
	}
}
