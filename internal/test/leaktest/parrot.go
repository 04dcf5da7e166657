package leaktest

import (
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// Parrot plays a mail server that repeats what it was told, login included, as some do.
func Parrot(p *smtptest.Peer) {
	p.Say("220 parrot")
	for {
		line, ok := p.Hear()
		switch {
		case !ok:
			return
		case strings.HasPrefix(line, "EHLO"):
			p.Say("250-parrot", "250 AUTH PLAIN LOGIN")
		default:
			p.Say("535-5.7.8 you said "+line, "535 5.7.8 "+line)
		}
	}
}
