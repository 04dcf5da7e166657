package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/refsitetest"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// try runs the command with these secrets and returns what it prints.
func try(t *testing.T, env map[string]string, args ...string) (string, error) {
	t.Helper()
	var out, stderr bytes.Buffer
	err := run(t.Context(), args, func(name string) string { return env[name] }, &out, &stderr)
	return out.String() + stderr.String(), err
}

func TestTheReferenceSiteConforms(t *testing.T) {
	mailCA := filepath.Join(t.TempDir(), "ca.pem")
	authority, err := loadAuthority(mailCA)
	if err != nil {
		t.Fatal(err)
	}
	process := refsitetest.Launch(t, refsitetest.Build(t, t.TempDir(), authority.PEM()).Serve(t.Context(), "-site", "shop"))
	address, access := "http://"+process.Address+"/shop", process.Lines[0]
	out, err := try(t, map[string]string{"SMTP_SITE_TOKEN": access["token"]}, "-url", address, "-mail-ca", mailCA)
	if err != nil || strings.Contains(out, "FAIL") || !strings.Contains(out, " checks, 0 failed.") || !strings.Contains(out, "are overwritten and cleared") {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, e := range encryptions {
		if !strings.Contains(out, "PASS  Encryption/"+e.name+" ") {
			t.Errorf("%s did not run", e.name)
		}
	}
	for _, rule := range slices.Concat(rules, strictRules) {
		if !strings.Contains(out, "PASS  Rule/"+rule.name+" ") {
			t.Errorf("%s did not run", rule.name)
		}
	}
	for _, rule := range tokenRules {
		if !strings.Contains(out, "PASS  Token/"+rule.name+" ") {
			t.Errorf("%s did not run", rule.name)
		}
	}
	for _, group := range []string{"Read", "Test", "Save", "Enable", "Clear", "Apply", "Destroy"} {
		if !strings.Contains(out, "PASS  "+group+"/") {
			t.Errorf("no check of %s ran", group)
		}
	}
	for _, secret := range []string{access["token"], access["password"]} {
		if strings.Contains(out, secret) {
			t.Error("the program printed a secret")
		}
	}
	t.Run("WithAnAccount", func(t *testing.T) {
		out, err := try(t, map[string]string{"SMTP_SITE_PASSWORD": access["password"]}, "-url", address, "-username", "admin", "-run", "Rule/|Save/")
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// startBroken serves a reference site behind breakage.
func startBroken(t *testing.T, breakage func(next http.Handler) http.Handler, change ...func(*refsite.Config)) (address, token string) {
	t.Helper()
	handler, token := newSite(t, change...)
	front := httptest.NewServer(breakage(handler))
	t.Cleanup(front.Close)
	return front.URL + "/shop", token
}

// newSite is a reference site in this process; the functions change its configuration first.
func newSite(t *testing.T, change ...func(*refsite.Config)) (http.Handler, string) {
	t.Helper()
	config := refsite.Config{
		DataFile: filepath.Join(t.TempDir(), "data"), Keys: seal.Generate(),
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		TestEvery:     time.Millisecond, TestBurst: 1000,
		Logger: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&config)
	}
	server, err := refsite.New(config)
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := server.AddSite("shop")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return server.Handler(), credentials.Token.Reveal()
}

func TestCertificateOfTheSite(t *testing.T) {
	handler, token := newSite(t)
	front := httptest.NewTLSServer(handler)
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(front.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := try(t, nil, "-url", front.URL+"/shop", "-token", token, "-ca", ca, "-run", "Read/|TheSiteSays"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := try(t, nil, "-url", front.URL+"/shop", "-token", token); err == nil || !strings.Contains(err.Error(), "not trusted") {
		t.Errorf("got %v without -ca", err)
	}
}

func TestWhatIsRefused(t *testing.T) {
	address, token := startBroken(t, func(next http.Handler) http.Handler { return next })
	secrets := map[string]string{"SMTP_SITE_TOKEN": token, "SMTP_SITE_PASSWORD": "not the password"}
	for name, test := range map[string]struct {
		args []string
		why  string
	}{
		"NoURL":           {nil, "-url is missing"},
		"UnknownFlag":     {[]string{"-urls", "x"}, "flag provided"},
		"UnknownArgument": {[]string{"-url", address, "x"}, "unknown argument"},
		"TwoAccounts":     {[]string{"-url", address, "-token", "x", "-username", "admin"}, "mutually exclusive"},
		"HalfAMailServer": {[]string{"-url", address, "-mail-host", "smtp.example.com"}, "go together"},
		"MailLogin":       {[]string{"-url", address, "-mail-host", "smtp.example.com", "-mail-username", "x"}, "SMTP_MAIL_PASSWORD"},
		"PlainHTTP":       {[]string{"-url", "http://shop.example"}, "https"},
		"CAThatIsNot":     {[]string{"-url", address, "-ca", "main.go"}, "no certificate"},
		"WrongToken":      {[]string{"-url", address, "-token", "x"}, "401"},
		"WrongPassword":   {[]string{"-url", address, "-username", "admin"}, "login failed"},
		"NoCheckMatches":  {[]string{"-url", address, "-run", "^no such check$"}, "no check matches -run"},
		"InvalidPattern":  {[]string{"-url", address, "-run", "("}, "missing closing"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := try(t, secrets, test.args...)
			if err == nil || !strings.Contains(err.Error(), test.why) || strings.Contains(out, "PASS  ") || strings.Contains(out+err.Error(), token) {
				t.Errorf("got %v, want %s\n%s", err, test.why, out)
			}
		})
	}
}

func TestAgainWithTheSameMailServer(t *testing.T) {
	mail := smtptest.Start(t, smtptest.Config{Encryption: site.NoEncryption, Users: map[string]secret.Text{"mailer@example.com": secret.New("4711 mailer")}})
	address, token := startBroken(t, func(next http.Handler) http.Handler { return next })
	for range 2 {
		out, err := try(t, map[string]string{"SMTP_MAIL_PASSWORD": "4711 mailer"}, "-url", address, "-token", token,
			"-mail-host", mail.Host(), "-mail-port", strconv.Itoa(mail.Port()), "-mail-encryption", "none", "-mail-username", "mailer@example.com",
			"-run", "^Rule/(EnablingWithoutATest|SameKeySameBody)|RefusedWithoutATest")
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	if n := len(mail.Messages()); n != 4 {
		t.Errorf("got %d messages, want 4", n)
	}
}

func TestSiteThatCannotReachTheMailServer(t *testing.T) {
	address, token := startBroken(t, unbroken, func(c *refsite.Config) { c.AllowNetworks = nil })
	out, err := try(t, nil, "-url", address, "-token", token)
	if err == nil || !strings.Contains(err.Error(), "the site cannot reach the mail server of this command (127.0.0.1:") ||
		strings.Contains(err.Error(), "\n") || strings.Contains(out, "FAIL") {
		t.Errorf("got %v\n%s", err, out)
	}
}

// quota is a configuration whose limits a run reaches.
func quota(c *refsite.Config) { c.TestEvery, c.TestBurst, c.Guesses = time.Minute, 30, 5 }

func TestLimits(t *testing.T) {
	address, token := startBroken(t, unbroken, quota)
	out, err := try(t, nil, "-url", address, "-token", token, "-run", "Limit/", "-limits")
	if err != nil || strings.Count(out, "PASS  Limit/") != len(limits) {
		t.Errorf("%v\n%s", err, out)
	}
}

func unbroken(next http.Handler) http.Handler { return next }

func TestWaitsAreReported(t *testing.T) {
	asked := false
	address, token := startBroken(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/smtp/presets") && !asked {
				asked = true
				w.Header().Set("Retry-After", "0")
				w.Header().Set("Content-Type", "application/problem+json")
				w.WriteHeader(http.StatusTooManyRequests)
				_, _ = io.WriteString(w, `{"type":"about:blank","title":"Too Many Requests","status":429,"code":"rate_limited"}`)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	out, err := try(t, nil, "-url", address, "-token", token, "-run", "Rule/Presets")
	if err != nil || !strings.Contains(out, "WAIT  0 s, because the site responds to GET /smtp/presets with 429") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestSiteInUseIsRefused(t *testing.T) {
	var wrote int
	address, token := startBroken(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				wrote++
			}
			answer := recorded(next, r)
			pass(w, answer, strings.Replace(answer.Body.String(), `"host":""`, `"host":"smtp.example.com"`, 1))
		})
	})
	out, err := try(t, nil, "-url", address, "-token", token)
	if err == nil || !strings.Contains(err.Error(), "-overwrite") || wrote > 0 {
		t.Errorf("got %v after %d writes\n%s", err, wrote, out)
	}
}

// stopping ends a run when a check is printed that enables mail.
type stopping struct {
	bytes.Buffer
	stop func()
}

func (s *stopping) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("Enable/AllowedAfterAPassedTest")) {
		s.stop()
	}
	return s.Buffer.Write(line)
}

func TestInterruptLeavesNothing(t *testing.T) {
	address, token := startBroken(t, func(next http.Handler) http.Handler { return next })
	ctx, stop := context.WithCancel(t.Context())
	out := &stopping{stop: stop}
	err := run(ctx, []string{"-url", address, "-token", token, "-run", "Enable/AllowedAfterAPassedTest"}, func(string) string { return "" }, out, io.Discard)
	if !errors.Is(err, context.Canceled) || !strings.Contains(out.String(), "1 checks") {
		t.Errorf("got %v\n%s", err, out)
	}
	if again, err := try(t, nil, "-url", address, "-token", token, "-run", "SiteIDsAreEqual"); err != nil {
		t.Errorf("the site is not cleared: %v\n%s", err, again)
	}
}
