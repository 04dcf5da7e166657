package leaktest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// RepeatLogin plays a mail server that echoes what it receives, including the login, as some do.
func RepeatLogin(p *smtptest.Peer) {
	p.Say("220 mail.example.test")
	for {
		line, ok := p.Hear()
		switch {
		case !ok:
			return
		case strings.HasPrefix(line, "EHLO"):
			p.Say("250-mail.example.test", "250 AUTH PLAIN LOGIN XOAUTH2")
		case line == "AUTH XOAUTH2":
			p.Say("334 ")
		default:
			lines := []string{"535-5.7.8 you said " + line}
			if token, err := base64.StdEncoding.DecodeString(line); err == nil {
				lines = append(lines, "535-5.7.8 which is "+strings.ReplaceAll(string(token), "\x01", " "))
			}
			p.Say(append(lines, "535 5.7.8 "+line)...)
		}
	}
}

// RepeatSecret plays a token endpoint that echoes the request, including secrets, in plain text and encoded.
func RepeatSecret(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnauthorized)
	_ = json.NewEncoder(w).Encode(map[string]string{
		"error": "invalid_client",
		"error_description": "you said " + r.PostForm.Get("client_secret") + ", " + r.PostForm.Encode() + " and " +
			base64.StdEncoding.EncodeToString([]byte(r.PostForm.Get("refresh_token"))),
	})
}
