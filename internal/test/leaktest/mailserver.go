package leaktest

import (
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// RepeatLogin plays a mail server that repeats what it was told, login included, as some do.
func RepeatLogin(p *smtptest.Peer) {
	p.Say("220 mail.example.test")
	for {
		line, ok := p.Hear()
		switch {
		case !ok:
			return
		case strings.HasPrefix(line, "EHLO"):
			p.Say("250-mail.example.test", "250 AUTH PLAIN LOGIN")
		default:
			p.Say("535-5.7.8 you said "+line, "535 5.7.8 "+line)
		}
	}
}
