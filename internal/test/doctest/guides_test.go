package doctest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/pinned"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/tfcli"
)

// walked are the guides that are followed from top to bottom, with their tests.
var walked = map[string]string{
	"templates/guides/first-site.md":          "TestFirstSite",
	"templates/guides/moving-from-scripts.md": "TestMovingFromScripts",
	"templates/guides/building-a-site.md":     "TestBuildingASite",
}

func findCLI(t *testing.T) tfcli.CLI {
	t.Helper()
	cli, err := tfcli.Find(t.Context(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	return cli
}

// cloneNothing puts the folder of this module where the clone would be.
func (w *walk) cloneNothing() {
	w.t.Helper()
	here, err := filepath.Abs(root)
	if err != nil {
		w.t.Fatal(err)
	}
	w.names.say("git clone https://github.com/sitemail/terraform-provider-smtp", "ln -s '"+here+"' terraform-provider-smtp")
}

// TestManySites copies the example as the guide says, and lets Terraform find the module in the copy.
func TestManySites(t *testing.T) {
	w := newWalk(t, findCLI(t))
	w.cloneNothing()
	w.start()
	for _, b := range read(t, "templates/guides/many-sites.md.tmpl").blocks(t) {
		if b.lang == "sh" && b.note == "" && b.heading == "Many sites" {
			w.enter("the copy", w.names.here(b.text))
		}
	}
	from := w.enter("the module", "terraform get")
	if out := w.out.since(from); !strings.Contains(out, "mail in ../modules/client-sites") {
		t.Error(out)
	}
}

func TestFirstSite(t *testing.T) {
	w := newWalk(t, findCLI(t))
	w.cloneNothing()
	w.names.say("2525", freePort(t))
	w.names.say("8080", freePort(t))
	w.start()
	w.follow(read(t, "templates/guides/first-site.md"))
}

// freePort returns a port on which nothing listens.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

const (
	submissionPassword = "a submission password"
	recipient          = "ops@example.com"
)

// place is a reference site with a mail server, on which one mailbox can log in.
type place struct {
	t      *testing.T
	mail   *smtptest.Server
	server *refsite.Server
	url    string
	token  secret.Text
}

func newPlace(t *testing.T, name, mailbox string) *place {
	t.Helper()
	p := &place{t: t, mail: smtptest.Start(t, smtptest.Config{Users: map[string]secret.Text{mailbox: secret.New(submissionPassword)}})}
	server, err := refsite.New(refsite.Config{
		DataFile: filepath.Join(t.TempDir(), "data"), Keys: seal.Generate(), RootCAs: p.mail.RootCAs(),
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Logger: slog.New(slog.DiscardHandler),
		TestEvery: time.Millisecond, TestBurst: 1000,
	})
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(server.Handler())
	t.Cleanup(func() {
		front.Close()
		if err := server.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	credentials, err := server.AddSite(name)
	if err != nil {
		t.Fatal(err)
	}
	p.server, p.url, p.token = server, front.URL+"/"+name, credentials.Token
	return p
}

// enable makes the site send through the mail server.
func (p *place) enable(name string, c site.Candidate) {
	p.t.Helper()
	s, err := p.server.Site(name)
	if err != nil {
		p.t.Fatal(err)
	}
	if result, err := s.PutTest(p.t.Context(), uuid.NewString(), site.TestRequest{Candidate: &c, Recipient: recipient}); err != nil || result.Status != site.Passed {
		p.t.Fatalf("got %+v, %v", result, err)
	}
	before, err := s.Read()
	if err == nil {
		_, err = s.Commit("somebody", core.Write{SaveRequest: site.SaveRequest{Settings: c.Settings, Password: c.Password, Enabled: true, Revision: before.Revision}})
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// TestMovingFromScripts begins with the old configuration applied, and a site that sends.
func TestMovingFromScripts(t *testing.T) {
	const mailbox = "hello@client.example"
	d := read(t, "templates/guides/moving-from-scripts.md")
	p := newPlace(t, "client", mailbox)
	p.enable("client", site.Candidate{Password: secret.New(submissionPassword), Settings: site.Settings{
		Host: p.mail.Host(), Port: p.mail.Port(), Encryption: site.STARTTLS, Username: mailbox, FromAddress: mailbox, FromName: "Client",
	}})
	cli := findCLI(t)
	ws, err := cli.NewWorkspace(t.Context(), t.TempDir(), "sitemail/smtp")
	if err != nil {
		t.Fatal(err)
	}
	w := newWalk(t, cli)
	w.env = append(ws.Command(t.Context()).Env, w.env[len(w.env)-3:]...)
	w.env = append(w.env, "SMTP_SITE_TOKEN="+p.token.Reveal(), "TF_VAR_mail_password="+submissionPassword)
	w.names.say("https://client.example", p.url)
	w.names.say("smtp.client.example", p.mail.Host())
	w.names.say("587", strconv.Itoa(p.mail.Port()))
	w.start()
	script := "#!/bin/sh\ntest \"$MAIL_PASSWORD\" = '" + submissionPassword + "' && echo \"$*\" >>called\n"
	if err := os.WriteFile(filepath.Join(w.dir, "set-mail.sh"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, b := range d.blocks(t) {
		if b.arg == "main.tf" {
			if err := os.WriteFile(filepath.Join(w.dir, b.arg), []byte(w.names.here(b.text)), 0o600); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	w.enter("before", "terraform init && terraform apply -auto-approve")
	w.follow(d)
	if called, err := os.ReadFile(filepath.Join(w.dir, "called")); err != nil || len(called) == 0 {
		t.Errorf("the old script never set the mail settings: %v", err)
	}
	if got := len(p.mail.Messages()); got != 2 {
		t.Errorf("got %d messages, want one of the old script and one for the password", got)
	}
	if out := w.out.since(w.enter("after", "terraform plan -detailed-exitcode; echo $?")); out[len(out)-2] != '0' {
		t.Errorf("the plan after the last step is not empty:\n%s", out)
	}
}

// TestBuildingASite sends the guide's requests to the reference site.
func TestBuildingASite(t *testing.T) {
	const mailbox = "mailer@example.com"
	p := newPlace(t, "shop", mailbox)
	password, err := p.server.AddLogin(t.Context(), "shop", "admin")
	if err != nil {
		t.Fatal(err)
	}
	c := newConversation(t, p)
	c.names.say("correct horse battery staple", password.Reveal())
	c.names.say("2525", strconv.Itoa(p.mail.Port()))
	c.names.say("2526", strconv.Itoa(p.mail.Port()%65535+1))
	c.hold(read(t, "templates/guides/building-a-site.md"))
	if got := len(p.mail.Messages()); got != 1 {
		t.Errorf("%d messages, want 1", got)
	}
}

// TestCheckYours runs the guide's command against a site that accepts masks as passwords.
func TestCheckYours(t *testing.T) {
	p := newPlace(t, "shop", "mailer@example.com")
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if strings.Contains(string(body), `"password":"****`) || strings.Contains(string(body), `"password":"•`) || strings.Contains(string(body), `"password":"●`) {
			r.Method, body = http.MethodGet, nil
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		p.server.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	binary := filepath.Join(t.TempDir(), "conformance")
	if err := pinned.Command(t.Context(), "./internal/platform/siteadmin/conformance", binary); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "-url", front.URL+"/shop")
	cmd.Env = append(os.Environ(), "SMTP_SITE_TOKEN="+p.token.Reveal())
	out, err := cmd.Output()
	if err == nil {
		t.Error("the checks passed for a site that they should reject")
	}
	for _, b := range read(t, "templates/guides/building-a-site.md").blocks(t) {
		if b.lang == "text" && !(&names{}).matches(b.text, string(out)) {
			t.Errorf("the guide shows\n%s\nbut the program printed\n%s", b.text, out)
		}
	}
}
