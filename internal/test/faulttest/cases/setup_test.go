package cases_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/faulttest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

const (
	mailbox   = "mailer@example.com"
	password  = `canary "7f3a" /+é`
	recipient = "ops@example.test"
	mailName  = "mail.example.test"
	siteName  = "client-a"
	// siteKey and otherKey are keys of the provider's sites.
	siteKey  = "client-key"
	otherKey = "renamed-key"

	siteAt, proxyAt, mailAt, tokenAt, relayAt, elsewhereAt = "127.0.0.1:8001", "127.0.0.1:8080", "127.0.0.1:2525", "127.0.0.1:8085", "127.0.0.1:587", "127.0.0.1:8666"
)

// terraform is what plans and applies: Terraform Core, or [core] in its place.
type terraform interface {
	apply(configuration) run
	plan(configuration) run
	// shown is everything that was stored or shown so far.
	shown() []byte
}

// testbed is a site behind a proxy, a mail server, and a Terraform that manages the site, on one in-memory network or on the machine's.
type testbed struct {
	terraform
	t *testing.T
	// network is nil for the machine's network.
	network *adminapitest.Network
	mail    *smtptest.Server
	// tokens is a token endpoint whose tokens mail accepts, or nil.
	tokens   *oauthtest.Server
	site     *refsite.Server
	proxy    *faulttest.HTTP
	dialSite func(context.Context) (net.Conn, error)
	// url is the proxy's URL. ca issued its certificate, if it has one.
	url string
	ca  *smtptest.CA
	// token and login are the site administrator's credentials.
	token, login string
	// strayed counts connections to the target of redirects.
	strayed atomic.Int64
	log     buffer
	// relay is the proxy in front of mail, or nil.
	relay *faulttest.SMTP
}

// build configures a testbed.
type build struct {
	// secure: the proxy uses TLS. login: the provider logs in with username and password.
	secure, login bool
	// relay: there is a proxy in front of the mail server, too.
	relay bool
	// taken, if set, is called with each message that the mail server accepted.
	taken func(smtptest.Message)
	// tokens: there is a token endpoint. ahead is how far the clock of the site is ahead.
	tokens bool
	ahead  time.Duration
	// with is the Terraform that drives the provider over the network of the machine; nil for [core] in memory.
	with *cli
}

func newTestbed(t *testing.T, b build) *testbed {
	t.Helper()
	w := &testbed{t: t}
	if b.with != nil {
		b.with.begin(t)
		w.terraform = b.with
	} else {
		w.network = &adminapitest.Network{}
		w.terraform = newCore(t, w.network.DialContext)
	}
	var check func(string, secret.Text) error
	if b.tokens {
		tokens, err := oauthtest.NewOn(w.listen(tokenAt))
		w.require(err)
		t.Cleanup(func() { _ = tokens.Close() })
		w.tokens, check = tokens, tokens.Check
	}
	w.mail = smtptest.Start(t, smtptest.Config{
		CheckToken: check,
		Listener:   w.listen(mailAt), Users: map[string]secret.Text{mailbox: secret.New(password)},
		Leaf: smtptest.Leaf{Names: []string{"127.0.0.1", mailName}}, Taken: b.taken,
	})
	if b.relay {
		w.startRelay()
	}
	w.startSite(b)
	w.startProxy(b)
	return w
}

// listen listens at an address in memory, or at any port of the machine.
func (w *testbed) listen(address string) net.Listener {
	w.t.Helper()
	if w.network != nil {
		return w.network.Listen(address)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	w.require(err)
	return listener
}

func (w *testbed) dialing(address string) func(context.Context) (net.Conn, error) {
	dial := new(net.Dialer).DialContext
	if w.network != nil {
		dial = w.network.DialContext
	}
	return func(ctx context.Context) (net.Conn, error) { return dial(ctx, "tcp", address) }
}

// mailHost returns the mail server's host for the site: a name, if it can be looked up.
func (w *testbed) mailHost() string {
	if w.network == nil {
		return "127.0.0.1"
	}
	return mailName
}

func (w *testbed) startSite(b build) {
	w.t.Helper()
	config := refsite.Config{
		DataFile: filepath.Join(w.t.TempDir(), "sites.db"), Keys: seal.Generate(), RootCAs: w.mail.RootCAs(),
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Logger: slog.New(slog.NewJSONHandler(&w.log, nil)),
	}
	if b.ahead != 0 {
		config.Now = func() time.Time { return time.Now().Add(b.ahead) }
	}
	if w.network != nil {
		config.DialContext = w.network.DialContext
	}
	if w.relay != nil {
		config.RootCAs = w.relay.RootCAs()
	}
	if w.network != nil && w.relay != nil {
		config.DialContext = w.relay.DialContext
	}
	server, err := refsite.New(config)
	w.require(err)
	w.site = server
	credentials, err := server.AddSite(siteName)
	w.require(err)
	w.token = credentials.Token.Reveal()
	if b.login {
		login, err := server.AddLogin(w.t.Context(), siteName, "admin")
		w.require(err)
		w.login = login.Reveal()
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(w.t.Context()))
	served := make(chan error, 1)
	listener := w.listen(siteAt)
	w.dialSite = w.dialing(listener.Addr().String())
	go func() { served <- server.Serve(ctx, listener, nil) }()
	w.t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			w.t.Error(err)
		}
	})
}

func (w *testbed) startRelay() {
	w.t.Helper()
	relay, err := faulttest.NewSMTP(faulttest.SMTPConfig{
		Network: w.network, Address: relayAt, Host: w.mailHost(), RootCAs: w.mail.RootCAs(),
		Dial: w.dialing(net.JoinHostPort(w.mail.Host(), strconv.Itoa(w.mail.Port()))),
	})
	w.require(err)
	w.relay = relay
	w.t.Cleanup(relay.Close)
}

func (w *testbed) startProxy(b build) {
	w.t.Helper()
	config := faulttest.HTTPConfig{Listener: w.listen(proxyAt), Dial: w.dialSite, Elsewhere: "http://" + w.trap()}
	at := config.Listener.Addr().String() + "/" + siteName
	w.url = "http://" + at
	if b.secure {
		w.url = "https://" + at
		config.Certificate, w.ca = w.certificate()
		config.Untrusted, _ = w.certificate()
	}
	w.proxy = faulttest.NewHTTP(config)
	w.t.Cleanup(w.proxy.Close)
}

// certificate makes one for the proxy, with an authority of its own.
func (w *testbed) certificate() (*tls.Certificate, *smtptest.CA) {
	w.t.Helper()
	ca, err := smtptest.NewCA()
	w.require(err)
	certificate, err := ca.Issue(smtptest.Leaf{})
	w.require(err)
	return &certificate, ca
}

// trap listens at an address to which no connection may be made, and returns the address.
func (w *testbed) trap() string {
	listener := w.listen(elsewhereAt)
	var listening sync.WaitGroup
	listening.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			w.strayed.Add(1)
			_ = conn.Close()
		}
	})
	w.t.Cleanup(func() {
		_ = listener.Close()
		listening.Wait()
	})
	return listener.Addr().String()
}

func (w *testbed) require(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// configuration is one of the provider with the site under that key, and of the resource; a later map overrides an
// earlier one.
func (w *testbed) configuration(key string, overrides ...arguments) configuration {
	entry := arguments{"url": w.url, "token": w.token}
	if w.login != "" {
		entry = arguments{"url": w.url, "username": "admin", "password": w.login}
	}
	if w.ca != nil {
		entry["ca_certificate"] = string(w.ca.PEM())
	}
	c := configuration{
		provider: arguments{"sites": arguments{key: entry}, "test_recipient": recipient, "local_check": false},
		resource: arguments{
			"site": key, "host": w.mail.Host(), "port": w.mail.Port(), "encryption": "starttls", "username": mailbox,
			"password_wo": password, "password_wo_version": "1", "on_destroy": "clear",
		},
	}
	if w.relay != nil {
		maps.Copy(c.resource, arguments{"host": w.mailHost(), "port": w.relay.Port()})
	}
	if w.network == nil {
		maps.Copy(c.provider, arguments{"request_timeout": "1s", "max_retries": 1})
	}
	for _, o := range overrides {
		maps.Copy(c.resource, o)
	}
	return c
}

// held returns the site's state.
func (w *testbed) held() site.State {
	w.t.Helper()
	s, err := w.site.Site(siteName)
	w.require(err)
	state, err := s.Read()
	w.require(err)
	return state
}

// messages returns the messages that the mail server accepted.
func (w *testbed) messages() int { return len(w.mail.Messages()) }

// checkSecrets checks I8 and I5: no secret is stored, shown or logged, and no request went to the trap.
func (w *testbed) checkSecrets() {
	w.t.Helper()
	all := slices.Concat(w.shown(), w.log.bytes())
	for name, value := range map[string]string{"mail password": password, "client secret": clientSecret, "login": w.login, "token": w.token} {
		for _, spelling := range spellings(value) {
			if value != "" && bytes.Contains(all, []byte(spelling)) {
				w.t.Errorf("I8: the %s shows as %q", name, spelling)
			}
		}
	}
	if n := w.strayed.Load(); n > 0 {
		w.t.Errorf("I5: got %d connections to the target of a redirect, want 0", n)
	}
}

// spellings are the encodings in which a secret may appear.
func spellings(s string) []string {
	quoted, _ := json.Marshal(s)
	plain := "\x00" + mailbox + "\x00" + s
	return []string{
		s, string(quoted[1 : len(quoted)-1]), url.QueryEscape(s), url.PathEscape(s), hex.EncodeToString([]byte(s)),
		base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)),
		strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(plain)), "="),
	}
}

// checkLive checks I1 and I2: if mail is on, a test of exactly the stored settings passed, and the mail server accepted its message.
func (w *testbed) checkLive() {
	w.t.Helper()
	now := w.held()
	if !now.Enabled {
		return
	}
	if now.Verification == nil {
		w.t.Error("I1: mail is enabled without a verification")
		return
	}
	for _, m := range w.mail.Messages() {
		from := []byte("From: " + senderOf(now.Settings))
		if bytes.Contains(m.Data, []byte("<"+now.Verification.MessageID+">")) {
			if m.User != now.Settings.Username || !m.TLS || m.From != now.Settings.FromAddress || !bytes.Contains(m.Data, from) {
				w.t.Errorf("I1: mail is enabled with %+v, but %+v passed the test", now.Settings, m)
			}
			return
		}
	}
	w.t.Error("I2: no server accepted the message of the test that enabled mail")
}

func senderOf(s site.Settings) string {
	if s.FromName == "" {
		return "<" + s.FromAddress + ">"
	}
	return `"` + s.FromName + `" <` + s.FromAddress + ">"
}

// buffer is a log that can be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *buffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *buffer) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes())
}
