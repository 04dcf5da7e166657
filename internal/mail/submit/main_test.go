package submit_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	user      = "app@example.com"
	canary    = "Canary-7f3a \"quoted\" pw"
	recipient = "ops@example.com"
)

// start starts a server that knows the user, a sender that trusts it, and a candidate that fits.
func start(t *testing.T, config smtptest.Config) (*smtptest.Server, *submit.Sender, site.Candidate) {
	t.Helper()
	if config.Users == nil {
		config.Users = map[string]secret.Text{user: secret.New(canary)}
	}
	if config.Encryption == "" {
		config.Encryption = site.STARTTLS
	}
	s := smtptest.Start(t, config)
	return s, &submit.Sender{RootCAs: s.RootCAs()}, candidate(s.Host(), s.Port(), config.Encryption)
}

// script starts a scripted peer, a sender that trusts it, and a candidate that fits.
func script(t *testing.T, e site.Encryption, play func(*smtptest.Peer)) (*smtptest.Script, *submit.Sender, site.Candidate) {
	t.Helper()
	s := smtptest.StartScript(t, play)
	return s, &submit.Sender{RootCAs: s.RootCAs()}, candidate(s.Host(), s.Port(), e)
}

// sendImpatiently sends with hardly more time than it takes to reach the point where the server falls silent, which a busy machine
// takes longer to reach.
func sendImpatiently(t *testing.T, sender *submit.Sender, c site.Candidate, silent site.Stage) site.TestResult {
	t.Helper()
	for sender.Timeout = 250 * time.Millisecond; ; sender.Timeout *= 4 {
		start := time.Now()
		r := sender.Send(t.Context(), c, recipient)
		if took := time.Since(start); took > sender.Timeout+15*time.Second {
			t.Errorf("the test took %s, with a timeout of %s", took, sender.Timeout)
		}
		reached := at(r.Stage, silent) && (silent != afterDot || r.Status == site.InDoubt)
		if reached || sender.Timeout > 10*time.Second {
			return r
		}
	}
}

func candidate(host string, port int, e site.Encryption) site.Candidate {
	return site.Candidate{
		Settings: site.Settings{
			Host:        host,
			Port:        port,
			Encryption:  e,
			Username:    user,
			FromAddress: user,
			FromName:    "Example App",
			HELOName:    "client.example.com",
		},
		Password: secret.New(canary),
	}
}

// afterDot is the point after the whole message was sent; afterTLS is the second EHLO.
const (
	afterTLS site.Stage = "ehlo after TLS"
	afterDot site.Stage = "final dot"
)

// exchange is what a good server hears and replies to it.
type exchange struct {
	stage site.Stage
	hear  func(*smtptest.Peer)
	reply []string
}

func line(p *smtptest.Peer) { p.Hear() }

var exchanges = []exchange{
	{site.StageBanner, func(*smtptest.Peer) {}, []string{"220 mail.example.test ESMTP"}},
	{site.StageEHLO, line, []string{"250-mail.example.test", "250 STARTTLS"}},
	{site.StageSTARTTLS, line, []string{"220 2.0.0 go ahead"}},
	{site.StageTLS, func(p *smtptest.Peer) { p.Sense() }, nil},
	{afterTLS, line, []string{"250-mail.example.test", "250-SIZE 100000", "250 AUTH PLAIN LOGIN"}},
	{site.StageAuth, line, []string{"235 2.7.0 welcome"}},
	{site.StageMail, line, []string{"250 2.1.0 sender ok"}},
	{site.StageRcpt, line, []string{"250 2.1.5 recipient ok"}},
	{site.StageData, line, []string{"354 go ahead"}},
	{afterDot, func(p *smtptest.Peer) { p.HearBody() }, []string{"250 2.0.0 queued as 7F3A"}},
}

// until plays a good server up to the stage, heard the client's part of it, and goes on with then.
func until(stage site.Stage, then func(*smtptest.Peer)) func(*smtptest.Peer) {
	return func(p *smtptest.Peer) {
		for _, x := range exchanges {
			x.hear(p)
			if x.stage == stage {
				then(p)
				return
			}
			x.answer(p)
		}
		then(p)
	}
}

func (x exchange) answer(p *smtptest.Peer) {
	if x.stage == site.StageTLS {
		p.StartTLS(nil)
		return
	}
	p.Say(x.reply...)
}

// saying plays a good server that has another reply at one stage.
func saying(stage site.Stage, reply ...string) func(*smtptest.Peer) {
	return func(p *smtptest.Peer) {
		for _, x := range exchanges {
			x.hear(p)
			if x.stage == stage {
				x.reply = reply
			}
			x.answer(p)
		}
		quit(p)
	}
}

// quit is the end of a session without faults.
func quit(p *smtptest.Peer) { p.Answer("221 2.0.0 bye") }

// reported is the stage that a result names for a point of until.
func reported(stage site.Stage) site.Stage {
	switch stage {
	case afterTLS:
		return site.StageEHLO
	case afterDot:
		return site.StageData
	default:
		return stage
	}
}
