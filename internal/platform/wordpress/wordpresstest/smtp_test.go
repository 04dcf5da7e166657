//go:build linux && wordpress

package wordpresstest_test

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

func TestEncryptions(t *testing.T) {
	for encryption, stages := range map[site.Encryption]string{
		site.STARTTLS:     "connect banner ehlo starttls tls ehlo auth mail rcpt data",
		site.TLS:          "connect tls banner ehlo auth mail rcpt data",
		site.NoEncryption: "connect banner ehlo auth mail rcpt data",
	} {
		t.Run(string(encryption), func(t *testing.T) {
			c := startWith(t, smtptest.Config{Encryption: encryption})
			got := c.mustTest(object{"encryption": string(encryption)}, "passed", "data")
			var passed []string
			for _, s := range got.object["stages"].([]any) {
				passed = append(passed, s.(object)["stage"].(string))
			}
			equal(t, strings.Join(passed, " "), stages)
			m := c.mail.Messages()[0]
			text := string(m.Data)
			id, _ := got.object["message_id"].(string)
			if m.TLS != (encryption != site.NoEncryption) || m.User != mailer || m.From != mailer || m.HELOName != "client-a.example.com" ||
				!slices.Equal(m.To, []string{recipient}) || !strings.Contains(text, "From: Client A <"+mailer+">") ||
				!strings.Contains(text, "Message-ID: <"+id+">") || !strings.Contains(text, "Auto-Submitted: auto-generated") {
				t.Errorf("%+v\n%s", m, text)
			}
			if reply := got.object["reply"].(object); reply["code"] != 250.0 || reply["enhanced_code"] != "2.0.0" || !strings.Contains(reply["text"].(string), m.QueueID) {
				t.Errorf("got reply %v", reply)
			}
		})
	}
	t.Run("HostName", func(t *testing.T) {
		c := start(t)
		got := c.mustTest(object{"host": "localhost"}, "passed", "data")
		equal(t, got.object["stages"].([]any)[0].(object)["stage"], any("dns"))
	})
	t.Run("OwnHELOName", func(t *testing.T) {
		c := start(t)
		c.mustTest(object{"helo_name": ""}, "passed", "data")
		equal(t, c.mail.Messages()[0].HELOName, "[127.0.0.1]")
	})
	for _, mechanism := range []string{"PLAIN", "LOGIN"} {
		t.Run(mechanism, func(t *testing.T) {
			startWith(t, smtptest.Config{Mechanisms: []string{mechanism}}).mustTest(nil, "passed", "data")
		})
	}
	t.Run("WithoutLogin", func(t *testing.T) {
		startWith(t, smtptest.Config{Encryption: site.NoEncryption}).mustTest(object{"encryption": "none", "username": ""}, "failed", "mail")
	})
}

// diagnosed returns the provider's diagnosis of a failed test.
func (c *client) diagnosed(a answer) string {
	c.Helper()
	var result site.TestResult
	if err := json.Unmarshal(a.raw, &struct {
		Stage       *site.Stage
		Reply       **site.Reply
		Error       *string
		Certificate **site.Certificate
	}{&result.Stage, &result.Reply, &result.Error, &result.Certificate}); err != nil {
		c.Fatal(err)
	}
	result.Status = site.Failed
	return diagnosis.Of(result, site.Settings{Host: "smtp.example.com", Port: 587, Encryption: site.STARTTLS, Username: mailer}).ID
}

func TestRefusals(t *testing.T) {
	c := start(t)
	no := func(code int, enhanced smtp.EnhancedCode) *smtp.SMTPError {
		return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: "No, not this one"}
	}
	for stage, faults := range map[string]smtptest.Faults{
		"auth": {AuthErr: no(535, smtp.EnhancedCode{5, 7, 8})},
		"mail": {MailErr: no(550, smtp.EnhancedCode{5, 7, 1})},
		"rcpt": {RcptErr: map[string]*smtp.SMTPError{recipient: no(550, smtp.EnhancedCode{5, 1, 1})}},
		"data": {DataErr: no(451, smtp.EnhancedCode{4, 3, 0})},
	} {
		t.Run(stage, func(t *testing.T) {
			c.mail.SetFaults(faults)
			logins := c.mail.Counters().Logins
			reply := c.mustTest(nil, "failed", stage).object["reply"].(object)
			code := fmt.Sprint(reply["code"])
			if !strings.HasPrefix(reply["enhanced_code"].(string), code[:1]+".") || reply["text"] != "No, not this one" {
				t.Errorf("got reply %v", reply)
			}
			if n := c.mail.Counters().Logins - logins; n != 1 {
				t.Errorf("got %d logins, want 1", n)
			}
		})
	}
	if n := c.mail.Counters().Messages; n != 0 {
		t.Errorf("got %d messages, want 0", n)
	}
}

func TestNetworkErrors(t *testing.T) {
	c := start(t)
	for want, changes := range map[string]object{
		"connect-refused": {"port": closedPort(t)},
		"dns-nxdomain":    {"host": "nowhere.invalid"},
		// The server waits for a greeting in TLS, or for one without.
		"tls-on-plaintext-port": {"encryption": "tls"},
	} {
		t.Run(want, func(t *testing.T) {
			stage := want[:strings.IndexByte(want, '-')]
			equal(t, c.diagnosed(c.mustTest(changes, "failed", stage)), want)
		})
	}
	t.Run("AuthNotOffered", func(t *testing.T) {
		c := startWith(t, smtptest.Config{Mechanisms: []string{}})
		equal(t, c.diagnosed(c.mustTest(nil, "failed", "auth")), "auth-not-advertised-client")
	})
}

// closedPort returns a port of this machine on which nothing listens.
func closedPort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func TestCertificates(t *testing.T) {
	stranger, err := smtptest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	for want, config := range map[string]smtptest.Config{
		"tls-cert-unknown-authority": {CA: stranger},
		"tls-cert-host-mismatch":     {Leaf: smtptest.Leaf{Names: []string{"mail.example.com", "192.0.2.1"}}},
		"tls-cert-expired":           {Leaf: smtptest.Leaf{NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour)}},
	} {
		for _, encryption := range []site.Encryption{site.STARTTLS, site.TLS} {
			t.Run(want+"/"+string(encryption), func(t *testing.T) {
				config.Encryption = encryption
				c := startWith(t, config)
				got := c.mustTest(object{"host": "localhost", "encryption": string(encryption)}, "failed", "tls")
				equal(t, c.diagnosed(got), want)
				certificate, _ := got.object["certificate"].(object)
				if certificate == nil || len(certificate["names"].([]any)) == 0 || !strings.Contains(certificate["issuer"].(string), "smtptest CA") {
					t.Errorf("got %s", got.raw)
				}
				if n := c.mail.Counters().Logins; n != 0 {
					t.Errorf("got %d logins, want 0", n)
				}
			})
		}
	}
}

func TestPrivateAddresses(t *testing.T) {
	c := start(t)
	if err := c.Configure("define( 'SITE_SMTP_ALLOW_NETWORKS', '192.0.2.0/24 2001:db8::/32' );"); err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{
		"127.0.0.1", "localhost", "::1", "::ffff:127.0.0.1", "0:0:0:0:0:ffff:7f00:1", "127.0.0.2", "169.254.169.254", "10.0.0.1", "172.16.0.1",
		"192.168.0.1", "100.64.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "::", "fe80::1", "fd00::1", "ff02::1", "64:ff9b::7f00:1", "2002:7f00:1::",
	} {
		got := c.mustTest(object{"host": host}, "failed", "connect")
		equal(t, c.diagnosed(got), "connect-address-not-allowed")
		if text := got.object["error"].(string); host == "localhost" && (strings.Contains(text, "127.") || strings.Contains(text, "::1")) {
			t.Errorf("the response shows the address of the name: %s", text)
		}
	}
	if n := c.mail.Counters().Connections; n != 0 {
		t.Errorf("got %d connections, want 0", n)
	}
}

// step is a part of a dialogue: what the client sends, and how a correct server responds.
type step struct {
	stage site.Stage
	hear  func(*smtptest.Peer) bool
	do    func(*smtptest.Peer) bool
}

// dialogue returns the dialogue of one message from the plugin, up to the step at which the server misbehaves.
func dialogue(t *testing.T) []step {
	t.Helper()
	certificate, err := ca.Issue(smtptest.Leaf{})
	if err != nil {
		t.Fatal(err)
	}
	nothing := func(*smtptest.Peer) bool { return true }
	line := func(p *smtptest.Peer) bool { _, ok := p.Hear(); return ok }
	say := func(lines ...string) func(*smtptest.Peer) bool {
		return func(p *smtptest.Peer) bool { return p.Say(lines...) }
	}
	return []step{
		{site.StageBanner, nothing, say("220 script ESMTP")},
		{site.StageEHLO, line, say("250-script", "250 starttls")},
		{site.StageSTARTTLS, line, say("220 2.0.0 go ahead")},
		{site.StageTLS, (*smtptest.Peer).Sense, func(p *smtptest.Peer) bool {
			return p.StartTLS(&tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
		}},
		{site.StageEHLO, line, say("250-script", "250 auth login plain")},
		{site.StageAuth, line, say("334 ")},
		{site.StageAuth, line, say("235 2.7.0 welcome")},
		{site.StageMail, line, say("250 2.1.0 ok")},
		{site.StageRcpt, line, say("250 2.1.5 ok")},
		{site.StageData, line, say("354 go on")},
		{site.StageData, (*smtptest.Peer).HearBody, say("250 2.0.0 taken")},
	}
}

// script plays a dialogue in which fault replaces the server's part of one step.
func script(t *testing.T, steps []step, at int, fault func(*smtptest.Peer)) *smtptest.Script {
	t.Helper()
	s, err := smtptest.NewScript(func(p *smtptest.Peer) {
		for i, step := range steps {
			if !step.hear(p) {
				return
			}
			if i == at {
				fault(p)
				return
			}
			if !step.do(p) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// fault is one way to misbehave. code is the code of the reply that the site must report; 0 for none.
type fault struct {
	play func(*smtptest.Peer)
	code float64
}

func faults() map[string]fault {
	say := func(lines ...string) func(*smtptest.Peer) {
		return func(p *smtptest.Peer) { p.Say(lines...); p.Answer("221 2.0.0 bye") }
	}
	endless := func(piece string) func(*smtptest.Peer) {
		return func(p *smtptest.Peer) {
			for p.Send(strings.Repeat(piece, 1000)) {
			}
		}
	}
	return map[string]fault{
		"HangUp":        {(*smtptest.Peer).HangUp, 0},
		"Reset":         {(*smtptest.Peer).Reset, 0},
		"Refusal":       {say("550 5.7.1 no"), 550},
		"Postponement":  {say("451 4.3.0 later"), 451},
		"Closing":       {func(p *smtptest.Peer) { p.Say("421 4.3.2 closing"); p.HangUp() }, 421},
		"LongRefusal":   {say("554-5.7.1 one", "554-5.7.1 two", "554 5.7.1 three"), 554},
		"HalfReply":     {func(p *smtptest.Peer) { p.Send("25"); p.HangUp() }, 0},
		"HalfLongReply": {func(p *smtptest.Peer) { p.Say("250-one"); p.HangUp() }, 0},
		"NoReply":       {say("hello there"), 0},
		"EndlessReply":  {endless("250-more\r\n"), 0},
		"EndlessLine":   {endless("2"), 0},
		"Terminal":      {say("550 5.7.1 \x1b[31mred\x1b[0m\a \u202egnp \xff"), 550},
	}
}

// TestFaultAtStage tries every fault at every step: the result names the stage and has the reply, and is in doubt only for a fault after the
// final dot that is not a refusal.
func TestFaultAtStage(t *testing.T) {
	steps := dialogue(t)
	for at, step := range steps {
		c := start(t)
		for name, f := range faults() {
			t.Run(fmt.Sprintf("%02d-%s/%s", at, step.stage, name), func(t *testing.T) {
				s := script(t, steps, at, f.play)
				body := c.candidate()
				body["settings"] = c.settings(object{"host": s.Host(), "port": s.Port()})
				got := c.test(body).want(t, http.StatusOK, "")
				status := "failed"
				if at == len(steps)-1 && f.code == 0 {
					status = "in_doubt"
				}
				// What a server does as soon as it has taken the connection, PHP may see while it still connects.
				early := at == 0 && got.object["stage"] == "connect"
				if got.object["status"] != status || got.object["stage"] != string(step.stage) && !early {
					t.Fatalf("want %s in stage %s: %s", status, step.stage, got.raw)
				}
				checkFault(t, got, step.stage, f)
			})
		}
	}
}

func checkFault(t *testing.T, got answer, stage site.Stage, f fault) {
	t.Helper()
	reply, _ := got.object["reply"].(object)
	switch {
	case stage == site.StageTLS || f.code == 0:
		// Whatever comes instead of a handshake is an error, not a reply.
		if reply != nil || got.object["error"] == nil {
			t.Errorf("got %s", got.raw)
		}
	case reply == nil || reply["code"] != f.code || got.object["error"] != nil:
		t.Errorf("%s", got.raw)
	case strings.ContainsAny(reply["text"].(string), "\x1b\a\n\u202e"):
		t.Errorf("got reply %q", reply["text"])
	}
}

func TestEncryptionThatIsTakenAway(t *testing.T) {
	steps := dialogue(t)
	heard := func(t *testing.T, c *client, s *smtptest.Script) answer {
		t.Helper()
		got := c.mustTest(object{"host": s.Host(), "port": s.Port()}, "failed", "starttls")
		for _, line := range s.Heard() {
			if strings.HasPrefix(line, "AUTH") || strings.HasPrefix(line, "MAIL") {
				t.Errorf("the site sent %q in clear text", line)
			}
		}
		return got
	}
	t.Run("NotOffered", func(t *testing.T) {
		c := start(t)
		s := script(t, steps, 1, func(p *smtptest.Peer) {
			p.Say("250-script", "250 AUTH PLAIN LOGIN")
			p.Wait()
		})
		equal(t, c.diagnosed(heard(t, c, s)), "starttls-not-offered")
	})
	t.Run("InjectedReply", func(t *testing.T) {
		c := start(t)
		s := script(t, steps, 2, func(p *smtptest.Peer) {
			p.Send("220 go ahead\r\n250-script\r\n250 AUTH PLAIN\r\n")
			p.Wait()
		})
		if got := heard(t, c, s); !strings.Contains(got.object["error"].(string), "before TLS") {
			t.Errorf("got %s", got.raw)
		}
	})
}

func TestEchoedLogin(t *testing.T) {
	c := start(t)
	forms := []string{
		c.password, base64.StdEncoding.EncodeToString([]byte(c.password)), base64.RawStdEncoding.EncodeToString([]byte("\x00" + mailer + "\x00" + c.password)),
	}
	s := script(t, dialogue(t), 6, func(p *smtptest.Peer) {
		p.Say("535-5.7.8 You said "+forms[0], "535-5.7.8 "+forms[1]+" "+forms[2], "535 5.7.8 "+c.password[:8]+"\x07"+c.password[8:])
		p.Answer("221 2.0.0 bye")
	})
	got := c.mustTest(object{"host": s.Host(), "port": s.Port()}, "failed", "auth")
	reply := got.object["reply"].(object)
	equal(t, reply["text"], any("You said [redacted] [redacted] [redacted] [redacted]"))
	equal(t, reply["enhanced_code"], any("5.7.8"))
}

func TestPatience(t *testing.T) {
	for name, f := range map[string]struct {
		at      int
		play    func(*smtptest.Peer)
		seconds float64
	}{
		"SilentBanner":  {0, (*smtptest.Peer).Wait, 15},
		"SilentLogin":   {6, (*smtptest.Peer).Wait, 10},
		"SilentTLS":     {3, (*smtptest.Peer).Wait, 10},
		"DrippingReply": {7, drip, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			steps := dialogue(t)
			s := script(t, steps, f.at, f.play)
			begin := time.Now()
			got := c.mustTest(object{"host": s.Host(), "port": s.Port()}, "failed", string(steps[f.at].stage))
			if took := time.Since(begin).Seconds(); took < f.seconds-1 || took > f.seconds+8 {
				t.Errorf("took %.1f s: %s", took, got.raw)
			}
		})
	}
}

// drip sends an endless reply slowly, but each part in time.
func drip(p *smtptest.Peer) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for p.Send("2") {
		<-tick.C
	}
}
