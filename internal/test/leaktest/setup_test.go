package leaktest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/refsitetest"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/imaptest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/leaktest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/tfcli"
)

// testbed is Terraform with the provider, the process that serves the sites, TLS in front of it, and two mail servers. It collects
// everything that could contain a secret.
type testbed struct {
	t         *testing.T
	workspace tfcli.Workspace
	mail      *smtptest.Server
	inbox     *imaptest.Server
	endpoint  *oauthtest.Server
	repeating *smtptest.Script
	front     *httptest.Server
	files     refsitetest.Files
	site      *refsitetest.Process
	dir       string
	// client is the provider's client certificate with its key (PEM).
	client string
	// variables are the plan's variables.
	variables map[string]string
	secrets   map[string]string
	// byDesign are the secrets that Terraform's state may contain.
	byDesign []string
	sinks    []leaktest.Sink

	mu sync.Mutex
	// answers are the sites' responses, except those that open a session; sessions are those sessions' tokens.
	answers  bytes.Buffer
	sessions []string
	// certificates counts the requests with a client certificate.
	certificates int
	// onTest is called before the next test is requested.
	onTest func(context.Context)
}

func newTestbed(t *testing.T) *testbed {
	t.Helper()
	w := &testbed{t: t, dir: t.TempDir(), variables: map[string]string{}, secrets: map[string]string{}}
	t.Setenv("TMPDIR", w.mkdir("temporary"))
	w.startInbox()
	w.mail = smtptest.Start(t, smtptest.Config{Mechanisms: []string{"PLAIN", "LOGIN", "XOAUTH2"}, CheckToken: w.endpoint.Check, Taken: func(m smtptest.Message) {
		if err := w.inbox.Deliver("INBOX", m.Data); err != nil {
			t.Error(err)
		}
	}})
	w.repeating = smtptest.StartScript(t, leaktest.RepeatLogin)
	w.client = w.newCertificate()
	w.serve()
	cli, err := tfcli.Find(t.Context(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if w.workspace, err = cli.NewWorkspace(t.Context(), filepath.Join(w.dir, "plan"), "sitemail/smtp"); err != nil {
		t.Fatal(err)
	}
	if err := w.workspace.NotePIDs(); err != nil {
		t.Fatal(err)
	}
	return w
}

// startInbox starts the mailbox that receives every message, and its token endpoint.
func (w *testbed) startInbox() {
	w.t.Helper()
	const mailbox = "ops@example.test"
	w.endpoint = oauthtest.Start(w.t)
	w.endpoint.SetApp("inbox", oauthtest.App{Secret: secret.New(inboxClientSecret), Mailboxes: []string{mailbox}})
	var err error
	if w.inbox, err = imaptest.New(imaptest.Config{Username: mailbox, Password: secret.New(inboxPassword), CheckToken: w.endpoint.Check}); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := w.inbox.Close(); err != nil {
			w.t.Error(err)
		}
	})
}

func (w *testbed) mkdir(name string) string {
	w.t.Helper()
	dir := filepath.Join(w.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	return dir
}

// newCertificate returns a certificate with its key, and adds the key to the secrets.
func (w *testbed) newCertificate() string {
	w.t.Helper()
	ca, err := smtptest.NewCA()
	if err != nil {
		w.t.Fatal(err)
	}
	certificate, err := ca.Issue(smtptest.Leaf{})
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		w.t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	w.secrets["client certificate key"] = strings.Split(text, "\n")[2]
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})) + text
}

// serve builds and starts the sites, and TLS in front of them.
func (w *testbed) serve() {
	w.t.Helper()
	w.files = refsitetest.Build(w.t, w.dir, w.mail.CAPEM())
	w.site = refsitetest.Launch(w.t, w.files.Serve(w.t.Context(), "-behind-proxy", "-site", "token", "-site", "login", "-site", "ses", "-site", "oauth", "-site", "page"))
	for _, line := range w.site.Lines {
		w.secrets["API token of "+line["site"]], w.secrets["admin password of "+line["site"]] = line["token"], line["password"]
	}
	key, err := os.ReadFile(w.files.Keys)
	if err != nil {
		w.t.Fatal(err)
	}
	w.secrets["sealing key"] = strings.TrimSpace(strings.SplitN(string(key), ":", 2)[1])

	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: w.site.Address})
	proxy.ModifyResponse = w.answered
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	proxy.Transport = &http.Transport{DisableKeepAlives: true}
	w.front = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.certificates += len(r.TLS.PeerCertificates)
		onTest := w.onTest
		w.mu.Unlock()
		body, err := io.ReadAll(r.Body) // a server learns that the client is gone only after it has read the whole request
		r.Body = io.NopCloser(bytes.NewReader(body))
		if err == nil && onTest != nil && strings.Contains(r.URL.Path, "/smtp/tests/") {
			onTest(r.Context())
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(rw, r)
	}))
	w.front.Config.ErrorLog = log.New(io.Discard, "", 0)
	w.front.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	w.front.StartTLS()
	w.t.Cleanup(w.front.Close)
}

// answered collects a site's response, without the session that it opens.
func (w *testbed) answered(resp *http.Response) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	w.mu.Lock()
	defer w.mu.Unlock()
	header := resp.Header.Clone()
	for _, cookie := range resp.Cookies() {
		if cookie.Value != "" {
			w.sessions = append(w.sessions, cookie.Value)
		}
	}
	header.Del("Set-Cookie")
	if strings.HasSuffix(resp.Request.URL.Path, "/session") {
		var session struct{ Token string }
		if json.Unmarshal(body, &session) == nil && session.Token != "" {
			w.sessions = append(w.sessions, session.Token)
			body = nil
		}
	}
	fmt.Fprintln(&w.answers, resp.Request.Method, resp.Request.URL, resp.Status)
	_ = header.Write(&w.answers)
	w.answers.Write(body)
	return nil
}

// run runs Terraform with full logging, collects its output, and returns whether it succeeded.
func (w *testbed) run(args ...string) (out string, ok bool) {
	w.t.Helper()
	cmd := w.workspace.Command(w.t.Context(), args...)
	for _, name := range []string{
		"TF_LOG", "TF_LOG_CORE", "TF_LOG_PROVIDER", "TF_LOG_PROVIDER_SMTP", "TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_PROTO",
	} {
		cmd.Env = append(cmd.Env, name+"=TRACE")
	}
	for name, value := range w.variables {
		cmd.Env = append(cmd.Env, "TF_VAR_"+name+"="+value)
	}
	said, err := cmd.CombinedOutput()
	if !bytes.Contains(said, []byte("[TRACE]")) {
		w.t.Errorf("%s wrote no log", args[0])
	}
	sink := leaktest.Sink{Name: "what " + args[0] + " says", Data: said}
	if args[0] == "show" {
		sink.ByDesign = w.byDesign
	}
	w.sinks = append(w.sinks, sink)
	return string(said), err == nil
}

// must is run for commands that must succeed.
func (w *testbed) must(args ...string) {
	w.t.Helper()
	if out, ok := w.run(args...); !ok {
		w.t.Fatalf("%s failed: %s", args[0], complaint(out))
	}
}

var logLine = regexp.MustCompile(`(?m)^(\d{4}-\d{2}-\d{2}T|  ).*\n`)

// complaint returns the part of Terraform's output that people see.
func complaint(out string) string { return logLine.ReplaceAllString(out, "") }

// keepFiles collects the current content of Terraform's folders, except the provider's executable.
func (w *testbed) keepFiles() {
	w.t.Helper()
	for _, dir := range []string{w.workspace.Dir, os.Getenv("TMPDIR")} {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.Name() == ".mirror":
				return fs.SkipDir
			case !entry.Type().IsRegular():
				return nil
			}
			content, err := os.ReadFile(path)
			if len(content) > 0 {
				w.sinks = append(w.sinks, leaktest.Sink{Name: entry.Name(), Data: content, ByDesign: w.byDesign})
			}
			return err
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// browser simulates a person at the admin page of a site.
type browser struct {
	w      *testbed
	client *http.Client
	url    string
	page   string
}

func (w *testbed) browser(site string) *browser {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	client := w.front.Client()
	return &browser{w: w, client: &http.Client{Transport: client.Transport, Jar: jar}, url: w.front.URL + "/" + site + "/admin"}
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// submit sends a form, with the page's hidden fields.
func (b *browser) submit(action string, entries url.Values) {
	b.w.t.Helper()
	for _, field := range hiddenField.FindAllStringSubmatch(b.page, -1) {
		if !entries.Has(field[1]) {
			entries.Set(field[1], field[2])
		}
	}
	b.take(b.client.PostForm(b.url+action, entries))
}

func (b *browser) open() { b.take(b.client.Get(b.url)) }

func (b *browser) take(resp *http.Response, err error) {
	b.w.t.Helper()
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	b.page = string(body)
}
