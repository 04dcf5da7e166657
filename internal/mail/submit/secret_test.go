package submit_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/leaktest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// secretForms are the ways in which a server can give a login's secrets back.
func secretForms() map[string]string {
	return map[string]string{
		"Password":          canary,
		"Base64Password":    b64(canary),
		"Base64Unpadded":    base64.RawStdEncoding.EncodeToString([]byte(canary)),
		"Base64User":        b64(user),
		"Base64Response":    b64("\x00" + user + "\x00" + canary),
		"QuotedPassword":    strconv.Quote(canary),
		"SplitByEscapes":    canary[:4] + "\x1b[0m" + canary[4:],
		"SplitByNull":       canary[:4] + "\x00" + canary[4:],
		"SeveralAtOnce":     canary + b64(canary) + canary,
		"SpacesInTheMiddle": strings.Replace(canary, " ", "  ", 1),
	}
}

var passwords = leaktest.New(map[string]string{"password": canary})

// leaks reports where a result shows the canary, or the login in the form that goes with it.
func leaks(t *testing.T, r any) {
	t.Helper()
	marshalled, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{fmt.Sprintf("%+v", r), fmt.Sprintf("%#v", r), string(marshalled)} {
		for _, leak := range passwords.Find([]byte(shown)) {
			t.Errorf("found %s in %s", leak, shown)
		}
		if strings.Contains(shown, b64(user)) {
			t.Errorf("the result shows the login: %s", shown)
		}
	}
}

// TestR28EchoedSecretsAreRedacted: servers repeat commands in their replies (RFC 4954 section 4 does not forbid it).
func TestR28EchoedSecretsAreRedacted(t *testing.T) {
	for name, form := range secretForms() {
		for _, point := range faultPoints {
			if point == site.StageTLS {
				continue
			}
			t.Run(fmt.Sprintf("%s/%s", point, name), func(t *testing.T) {
				t.Parallel()
				_, sender, c := script(t, site.STARTTLS, until(point, say("535-5.7.8 Error: AUTH PLAIN "+form, "535 5.7.8 "+form+" is not right")))
				r := sender.Send(t.Context(), c, recipient)
				if r.Reply == nil || !strings.Contains(r.Reply.Text, "[redacted]") || !strings.HasSuffix(r.Reply.Text, " is not right") {
					t.Errorf("got %+v", r.Reply)
				}
				leaks(t, r)
				leaks(t, *r.Reply)
			})
			t.Run(fmt.Sprintf("%s/%s/NoReply", point, name), func(t *testing.T) {
				t.Parallel()
				_, sender, c := script(t, site.STARTTLS, until(point, say("what is AUTH PLAIN "+form)))
				r := sender.Send(t.Context(), c, recipient)
				if r.Error == "" {
					t.Errorf("got %+v", r)
				}
				leaks(t, r)
			})
		}
		t.Run("accepted/"+name, func(t *testing.T) {
			_, sender, c := script(t, site.STARTTLS, until(afterDot, say("250 2.0.0 queued for "+form)))
			r := sender.Send(t.Context(), c, recipient)
			if r.Status != site.Passed || !strings.Contains(r.Reply.Text, "[redacted]") {
				t.Errorf("got %+v", r)
			}
			leaks(t, r)
			leaks(t, *r.Reply)
		})
	}
}

func TestRealServerNeverMakesTheResultLeak(t *testing.T) {
	_, sender, c := start(t, smtptest.Config{})
	leaks(t, sender.Send(t.Context(), c, recipient))
	leaks(t, sender.Login(t.Context(), c))
	c.Settings.Port = 1
	leaks(t, sender.Send(t.Context(), c, recipient))
}

func TestReplyIsCapped(t *testing.T) {
	for name, text := range map[string]string{
		"OneLine": strings.Repeat("x", 1900),
		"Many":    strings.Repeat("long ", 300) + "\n554 5.7.1 " + strings.Repeat("ö", 700),
	} {
		t.Run(name, func(t *testing.T) {
			_, sender, c := script(t, site.STARTTLS, until(site.StageBanner, func(p *smtptest.Peer) {
				p.Say(strings.Split("554-5.7.1 "+text+"\n554 "+text, "\n")...)
				quit(p)
			}))
			r := sender.Send(t.Context(), c, recipient)
			if r.Reply == nil || utf8.RuneCountInString(r.Reply.Text) > 2048 || !strings.HasSuffix(r.Reply.Text, "…") {
				t.Errorf("got reply %+v", r.Reply)
			}
		})
	}
}
