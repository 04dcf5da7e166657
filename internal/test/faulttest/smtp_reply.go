package faulttest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// codes are the reply codes with which servers accept, defer and refuse in a stage.
type codes struct{ good, later, never int }

// replies returns the faults that all stages from the banner on have in common.
func replies(stage site.Stage, c codes) []SMTPFault {
	fault := func(name, row string, code int, play func(*session)) SMTPFault {
		return SMTPFault{Stage: stage, Name: name, Row: row, Status: site.Failed, At: stage, Code: code, play: play}
	}
	good, later, never := strconv.Itoa(c.good), strconv.Itoa(c.later), strconv.Itoa(c.never)
	return []SMTPFault{
		fault("Cut", "R38", 0, func(*session) {}),
		fault("Reset", "R38", 0, func(s *session) { s.Reset() }),
		fault("Hang", "R36", 0, func(s *session) { s.Wait() }),
		fault("Postponed", "R38", c.later, stay(later+" 4.7.0 later")),
		fault("Refused", "R38", c.never, stay(never+" 5.7.1 never")),
		fault("Closing", "R38", 421, func(s *session) { s.Say("421 4.3.2 closing") }),
		fault("Garbage", "R38", 0, func(s *session) { s.carryOut(); s.Send("\x00\xff<html>\r\n"); s.Wait() }),
		fault("EndlessLine", "R36", 0, func(s *session) { s.carryOut(); s.Send(good + " "); s.endless("x") }),
		fault("EndlessReply", "R36", 0, func(s *session) { s.carryOut(); s.endless(good + "-more\r\n") }),
		fault("Slow", "R36", 0, func(s *session) {
			drip([]byte(strings.Join(s.carryOut(), "\r\n")+"\r\n"), func(b []byte) bool { return s.Send(string(b)) })
		}),
		fault("HalfReplyCut", "R38", 0, func(s *session) { s.carryOut(); s.Send(good[:2]) }),
		fault("BrokenLines", "R38", 0, func(s *session) { s.carryOut(); s.Say(good+"-one", never+" two"); s.Wait() }),
	}
}

// banners to messages return the faults of the stages from the banner on.
func banners() []SMTPFault {
	c := codes{220, 421, 554}
	return append(replies(site.StageBanner, c), more(site.StageBanner, c, "TLSRecord", 0, func(s *session) {
		s.Send("\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03")
		s.Wait()
	})...)
}

func hellos() []SMTPFault {
	c := codes{250, 451, 550}
	stripped := more(site.StageEHLO, c, "Stripped", 0, func(s *session) {
		offers := slices.DeleteFunc(s.carryOut(), func(line string) bool { return strings.HasSuffix(line, "STARTTLS") })
		last := len(offers) - 1
		offers[last] = strings.Replace(offers[last], "-", " ", 1)
		stay(offers...)(s)
	})
	stripped[0].Row, stripped[0].At = "R34", site.StageSTARTTLS
	return append(replies(site.StageEHLO, c), stripped...)
}

func startTLSs() []SMTPFault {
	c := codes{220, 454, 502}
	injected := more(site.StageSTARTTLS, c, "Injected", 0, func(s *session) {
		// Sent together with the reply: a bad client would treat what follows as a reply inside TLS.
		s.Send(s.carryOut()[0] + "\r\n250-mail.example.test\r\n250 AUTH PLAIN\r\n")
		s.Wait()
	})
	injected[0].Row = "R35"
	return append(replies(site.StageSTARTTLS, c), injected...)
}

func logins() []SMTPFault {
	c := codes{235, 454, 535}
	return append(replies(site.StageAuth, c), more(site.StageAuth, c, "Challenge", 0, func(s *session) {
		s.Say("334 UGFzc3dvcmQ6")
		s.Answer("334 UGFzc3dvcmQ6")
		s.Wait()
	})...)
}

func senders() []SMTPFault {
	c := codes{250, 451, 550}
	return append(replies(site.StageMail, c), more(site.StageMail, c, "Intermediate", 354, stay("354 go ahead"))...)
}

func recipients() []SMTPFault {
	c := codes{250, 450, 550}
	return append(replies(site.StageRcpt, c), more(site.StageRcpt, c, "Farewell", 221, stay("221 2.0.0 bye"))...)
}

// messages returns the faults of stage data. They are in doubt if the server accepted the message but its reply was damaged.
func messages() []SMTPFault {
	c := codes{250, 451, 554}
	lost := more(site.StageData, c, "Lost250", 0, func(s *session) { s.carryOut() })
	lost[0].Row = "R37"
	faults := append(replies(site.StageData, c), lost...)
	for i := range faults {
		f := &faults[i]
		f.atDot = !slices.Contains([]string{"Cut", "Reset", "Hang"}, f.Name)
		if f.atDot && f.Code == 0 {
			f.Status, f.Taken = site.InDoubt, true
		}
	}
	return faults
}

// more returns three faults: one that only this stage has, and two whose replies depend on the stage.
func more(stage site.Stage, c codes, name string, code int, play func(*session)) []SMTPFault {
	own := SMTPFault{Stage: stage, Name: name, Row: "R38", Status: site.Failed, At: stage, Code: code, play: play}
	half := SMTPFault{Stage: stage, Name: "HalfReplyHang", Row: "R36", Status: site.Failed, At: stage, play: func(s *session) {
		s.carryOut()
		s.Send(strconv.Itoa(c.good) + "-half\r\n2")
		s.Wait()
	}}
	echo := SMTPFault{Stage: stage, Name: "Echo", Row: "R28", Status: site.Failed, At: stage, Code: c.never, play: func(s *session) {
		stay(fmt.Sprintf("%d-5.7.0 you said \x1b[31m AUTH PLAIN %s", c.never, s.login), fmt.Sprintf("%d 5.7.0 and that was it", c.never))(s)
	}}
	return []SMTPFault{own, half, echo}
}
