package leaktest

import (
	"encoding/json"
	"net/http"
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

// RepeatSecret plays a token endpoint that repeats the client secret that it refuses.
func RepeatSecret(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnauthorized)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_client", "error_description": "you said " + r.PostFormValue("client_secret")})
}
