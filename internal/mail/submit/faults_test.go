package submit_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// fault is one way for a server to misbehave at a stage instead of answering.
type fault struct {
	play func(*smtptest.Peer)
	// code is that of the reply to be reported; 0 when there is none.
	code int
	// patient tells that only a deadline ends it.
	patient bool
	// text is part of the error, alternatives separated by "|", when there is no reply.
	text string
}

var faults = map[string]fault{
	"Silence":          {play: (*smtptest.Peer).Wait, patient: true, text: "context deadline exceeded after"},
	"HangUp":           {play: (*smtptest.Peer).HangUp, text: "EOF"},
	"Reset":            {play: (*smtptest.Peer).Reset, text: "connection reset by peer"},
	"Refusal":          {play: say("550 5.7.1 no"), code: 550},
	"Postponement":     {play: say("451 4.3.0 later"), code: 451},
	"Closing":          {play: say("421 4.3.2 closing"), code: 421},
	"LongRefusal":      {play: say("554-5.7.1 one", "554-5.7.1 two", "554 5.7.1 three"), code: 554},
	"RefusalWithEnd":   {play: func(p *smtptest.Peer) { p.Say("550 5.7.1 no"); p.HangUp() }, code: 550},
	"HalfReply":        {play: func(p *smtptest.Peer) { p.Send("25"); p.HangUp() }, text: "EOF|short response"},
	"HalfLongReply":    {play: func(p *smtptest.Peer) { p.Say("250-one"); p.HangUp() }, text: "EOF"},
	"HalfReplySilence": {play: func(p *smtptest.Peer) { p.Send("250-one\r\n25"); p.Wait() }, patient: true, text: "context deadline exceeded after"},
	"NoReply":          {play: say("hello there"), text: "short response|invalid response code"},
	"EndlessReply":     {play: endless("220-more\r\n"), text: "server sent more data than allowed"},
	"EndlessLine":      {play: endless("220-"), text: "server sent more data than allowed|smtp: too long a line in input stream"},
	"EndlessNonsense":  {play: endless("x"), text: "not a mail server|short response|server sent more data than allowed"},
	"Terminal":         {play: say("550 5.7.1 \x1b[31mred\x1b[0m\a \u202egnp"), code: 550},
}

func say(lines ...string) func(*smtptest.Peer) {
	return func(p *smtptest.Peer) {
		p.Say(lines...)
		quit(p)
	}
}

func endless(piece string) func(*smtptest.Peer) {
	return func(p *smtptest.Peer) {
		for p.Send(strings.Repeat(piece, 1000)) {
		}
	}
}

// faultPoints are where a fault can strike, in order.
var faultPoints = []site.Stage{
	site.StageBanner, site.StageEHLO, site.StageSTARTTLS, site.StageTLS, afterTLS,
	site.StageAuth, site.StageMail, site.StageRcpt, site.StageData, afterDot,
}

// TestFaultAtStage lets every fault strike at every point: the stage is named, a reply is kept, nothing takes longer
// than it may, and only a fault behind the final dot that is no refusal leaves a doubt.
func TestFaultAtStage(t *testing.T) {
	for _, point := range faultPoints {
		for name, f := range faults {
			t.Run(fmt.Sprintf("%s/%s", point, name), func(t *testing.T) {
				t.Parallel()
				_, sender, c := script(t, site.STARTTLS, until(point, f.play))
				if f.patient {
					checkFault(t, sendImpatiently(t, sender, c, point), point, f)
					return
				}
				start := time.Now()
				r := sender.Send(t.Context(), c, recipient)
				if took := time.Since(start); took > 20*time.Second {
					t.Errorf("the test took %s", took)
				}
				checkFault(t, r, point, f)
			})
		}
	}
}

// TestReplyWithoutItsEnd: a reply is one when its line has ended, however good its start is. A server that is cut off
// inside the reply to the message leaves a doubt.
func TestReplyWithoutItsEnd(t *testing.T) {
	ends := map[string]func(*smtptest.Peer){"HangUp": (*smtptest.Peer).HangUp, "Reset": (*smtptest.Peer).Reset, "Silence": (*smtptest.Peer).Wait}
	for point, reply := range map[site.Stage]string{
		site.StageBanner: "220 mail.example.test", site.StageEHLO: "250-mail.example.test\r\n250 STARTTLS", site.StageSTARTTLS: "220 go ahead",
		site.StageAuth: "235 2.7.0 welcome", site.StageMail: "250 2.1.0 ok", site.StageRcpt: "250 2.1.5 ok", site.StageData: "354 go ahead",
		afterDot: "250 2.0.0 queued",
	} {
		for name, end := range ends {
			t.Run(fmt.Sprintf("%s/%s", point, name), func(t *testing.T) {
				t.Parallel()
				_, sender, c := script(t, site.STARTTLS, until(point, func(p *smtptest.Peer) { p.Send(reply); end(p) }))
				send := func() site.TestResult { return sender.Send(t.Context(), c, recipient) }
				if name == "Silence" {
					send = func() site.TestResult { return sendImpatiently(t, sender, c, point) }
				}
				checkFault(t, send(), point, fault{text: "EOF|reset|context deadline exceeded after"})
			})
		}
	}
}

// TestWhatIsNoReplyIsShownAsItCame: without the quotes of Go, in which a password with a quote in it would look different.
func TestWhatIsNoReplyIsShownAsItCame(t *testing.T) {
	_, sender, c := script(t, site.STARTTLS, until(site.StageMail, say(`hello "there" a\b`)))
	if r := sender.Send(t.Context(), c, recipient); r.Stage != site.StageMail || r.Error != `short response: hello "there" a\b` {
		t.Errorf("got %+v", r)
	}
}

// TestReplyWithoutText: a code that stands alone is a reply (RFC 5321 section 4.2), also as the end of one of several lines.
func TestReplyWithoutText(t *testing.T) {
	for point, reply := range map[site.Stage][]string{
		site.StageBanner: {"220"}, site.StageEHLO: {"250-mail.example.test", "250-STARTTLS", "250"}, site.StageSTARTTLS: {"220"},
		afterTLS: {"250-mail.example.test", "250-AUTH PLAIN LOGIN", "250"}, site.StageAuth: {"235"}, site.StageMail: {"250"},
		site.StageRcpt: {"250"}, site.StageData: {"354"}, afterDot: {"250"},
	} {
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			_, sender, c := script(t, site.STARTTLS, saying(point, reply...))
			sender.Timeout = 5 * time.Second
			if r := sender.Send(t.Context(), c, recipient); r.Status != site.Passed || point == afterDot && r.Reply.String() != "250" {
				t.Errorf("got %+v, reply %v", r, r.Reply)
			}
		})
	}
}

// at tells whether a result that names stage can come from the point. What a server does as soon as it has taken the
// connection, the client may see while it still connects.
func at(stage, point site.Stage) bool {
	return stage == reported(point) || stage == site.StageConnect && point == site.StageBanner
}

func checkFault(t *testing.T, r site.TestResult, point site.Stage, f fault) {
	t.Helper()
	status := site.Failed
	if point == afterDot && f.code == 0 {
		status = site.InDoubt
	}
	if r.Status != status || !at(r.Stage, point) {
		t.Fatalf("got %s at %s, want %s: %+v", r.Status, r.Stage, status, r)
	}
	if point == site.StageTLS {
		// Whatever comes instead of a handshake is an error, not a reply.
		if r.Reply != nil || r.Error == "" {
			t.Errorf("got reply %+v, error %q", r.Reply, r.Error)
		}
		return
	}
	if f.code != 0 {
		if r.Reply == nil || r.Reply.Code != f.code || r.Error != "" {
			t.Errorf("got reply %+v, error %q", r.Reply, r.Error)
		} else if want := fmt.Sprintf("%d.", f.code/100); !strings.HasPrefix(r.Reply.EnhancedCode, want) || strings.ContainsAny(r.Reply.Text, "\x1b\a\n\u202e") {
			t.Errorf("got reply %+q", r.Reply)
		}
		return
	}
	for text := range strings.SplitSeq(f.text, "|") {
		if r.Reply == nil && strings.Contains(r.Error, text) {
			return
		}
	}
	t.Errorf("got reply %+v, error %q, want %q", r.Reply, r.Error, f.text)
}

// TestCancelAtStage cancels while the server stays silent: the call ends at once and says so.
func TestCancelAtStage(t *testing.T) {
	for _, point := range faultPoints {
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			_, sender, c := script(t, site.STARTTLS, until(point, func(p *smtptest.Peer) {
				cancel()
				p.Wait()
			}))
			start := time.Now()
			r := sender.Send(ctx, c, recipient)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("the test took %s", took)
			}
			want := site.Failed
			if point == afterDot {
				want = site.InDoubt
			}
			if r.Status != want || !at(r.Stage, point) {
				t.Errorf("got %s at %s, want %s: %+v", r.Status, r.Stage, want, r)
			}
			if !strings.Contains(r.Error, "canceled after ") || !strings.Contains(r.Error, "in stage "+string(r.Stage)) {
				t.Errorf("got error %q", r.Error)
			}
		})
	}
}

// TestCancelBeforeStart dials nothing.
func TestCancelBeforeStart(t *testing.T) {
	s, sender, c := script(t, site.NoEncryption, (*smtptest.Peer).Wait)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := sender.Send(ctx, c, recipient)
	if r.Status != site.Failed || r.Stage != site.StageConnect || !strings.Contains(r.Error, "operation was canceled after 0s in stage connect") {
		t.Errorf("got %+v", r)
	}
	if s.Connections() != 0 {
		t.Errorf("got %d connections, want 0", s.Connections())
	}
}

// TestQuitChangesNothing: once the message was accepted, a server may end the session as it likes.
func TestQuitChangesNothing(t *testing.T) {
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, sender, c := script(t, site.STARTTLS, until("quit", func(p *smtptest.Peer) {
				p.Hear()
				f.play(p)
			}))
			if f.patient {
				sender.Timeout = time.Second
			}
			r := sender.Send(t.Context(), c, recipient)
			if r.Status != site.Passed || r.Reply == nil || r.Reply.String() != "250 2.0.0 queued as 7F3A" || r.Error != "" {
				t.Errorf("got %+v", r)
			}
		})
	}
}

// TestR37OddAnswersToTheMessage: the first digit decides (RFC 5321 section 4.2.1).
func TestR37OddAnswersToTheMessage(t *testing.T) {
	for reply, want := range map[string]site.Status{
		"200 ok":       site.Passed,
		"250 2.0.0 ok": site.Passed,
		"299 ok":       site.Passed,
		"302 ok":       site.InDoubt,
		"251 2.1.5 ok": site.Passed,
		"354 again":    site.InDoubt,
		"150 wait":     site.InDoubt,
		"400 no":       site.Failed,
		"421 4.3.2 no": site.Failed,
		"500 no":       site.Failed,
		"554 5.0.0 no": site.Failed,
	} {
		t.Run(reply, func(t *testing.T) {
			t.Parallel()
			_, sender, c := script(t, site.STARTTLS, until(afterDot, func(p *smtptest.Peer) {
				p.Say(reply)
				quit(p)
			}))
			r := sender.Send(t.Context(), c, recipient)
			if r.Status != want || r.Reply == nil || !strings.HasPrefix(r.Reply.String(), reply[:3]) {
				t.Errorf("got %+v, reply %+v, want %s", r, r.Reply, want)
			}
		})
	}
}
