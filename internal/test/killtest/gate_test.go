//go:build unix

package killtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// The places of a gate, which are the prefixes of its steps' names.
const (
	atSite  = "site "
	atState = "state "
	atMail  = "mail "
)

// gate is a proxy in front of the sites, Terraform's state server and the mail server. It forwards everything and names each step: one
// before a request, and one between its effect and the response. It can strike at one step. It expects no concurrent test messages.
type gate struct {
	http *httptest.Server
	mail net.Listener
	// struckAt is the site whose steps count. Requests to other sites are only forwarded.
	struckAt string

	mu sync.Mutex
	// sites is the address of the process that serves the sites.
	sites string
	steps []string
	// at is the step to strike at. strike reports whether the request or response is still forwarded.
	at     string
	strike func(ctx context.Context, step string) bool
	// test is the last requested test; attempts counts how often the mail server was dialled for each.
	test     test
	attempts map[string]int
	// whole is true if the mail server has a whole message and has not replied yet.
	whole bool
	// state and lock are stored by Terraform; nil if there are none.
	state, lock []byte
}

// test is a test that was requested from a site.
type test struct {
	site, path string
	body       []byte
	header     http.Header
}

func newGate(t *testing.T, struckAt, mailServer string) *gate {
	t.Helper()
	g := &gate{struckAt: struckAt, attempts: map[string]int{}}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: g.target()}) },
		Transport:      &http.Transport{DisableKeepAlives: true},
		ModifyResponse: g.answered,
		// What a client sees if the server is gone.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     log.New(io.Discard, "", 0),
	}
	g.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.serve(proxy, w, r) }))
	g.http.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(g.http.Close)
	var err error
	if g.mail, err = new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var relaying sync.WaitGroup
	t.Cleanup(relaying.Wait)
	t.Cleanup(func() { _ = g.mail.Close() })
	relaying.Go(func() {
		for {
			conn, err := g.mail.Accept()
			if err != nil {
				return
			}
			relaying.Go(func() { g.relay(conn, mailServer) })
		}
	})
	return g
}

// pass names a step and reports whether what is on its way goes on.
func (g *gate) pass(ctx context.Context, step string) bool {
	g.mu.Lock()
	if n := count(g.steps, step); n > 0 {
		step = fmt.Sprintf("%s, time %d", step, n+1)
	}
	g.steps = append(g.steps, step)
	strike := g.strike
	if g.at != step {
		strike = nil
	}
	g.mu.Unlock()
	return strike == nil || strike(ctx, step)
}

// count returns how often a step was passed.
func count(steps []string, step string) (n int) {
	for _, s := range steps {
		if s == step || strings.HasPrefix(s, step+", time ") {
			n++
		}
	}
	return n
}

// arm forgets the steps so far and strikes at the named one; strike may be nil.
func (g *gate) arm(at string, strike func(context.Context, string) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.steps, g.at, g.strike = nil, at, strike
}

// passed are the steps since it was armed.
func (g *gate) passed() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.steps)
}

func (g *gate) target() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sites
}

func (g *gate) serve(sites http.Handler, w http.ResponseWriter, r *http.Request) {
	// A server learns that the client is gone only after it has read the whole request.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if r.URL.Path == "/state" {
		g.keepState(w, r, body)
		return
	}
	name, call := route(r)
	if r.Method == http.MethodPut && call == "/smtp/tests" {
		g.mu.Lock()
		g.test = test{site: name, path: r.URL.Path, body: body, header: r.Header.Clone()}
		g.mu.Unlock()
	}
	if name == g.struckAt && !g.pass(r.Context(), atSite+"before "+r.Method+" "+call) {
		panic(http.ErrAbortHandler)
	}
	sites.ServeHTTP(w, r)
}

// answered holds the answer of a site.
func (g *gate) answered(resp *http.Response) error {
	r := resp.Request
	if name, call := route(r); name == g.struckAt && !g.pass(r.Context(), atSite+"after "+r.Method+" "+call) {
		return http.ErrAbortHandler
	}
	return nil
}

// route splits a request's path into the name of the site and the path below the API's base, without the key of a test.
func route(r *http.Request) (name, call string) {
	name, call, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/admin/api/v1")
	if tests := "/smtp/tests"; strings.HasPrefix(call, tests) {
		call = tests
	}
	return name, call
}

// keepState is the server of Terraform's backend "http".
func (g *gate) keepState(w http.ResponseWriter, r *http.Request, body []byte) {
	if !g.pass(r.Context(), atState+"before "+r.Method) {
		panic(http.ErrAbortHandler)
	}
	status, answer := g.changeState(r.Method, body)
	if !g.pass(r.Context(), atState+"after "+r.Method) {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

func (g *gate) changeState(method string, body []byte) (status int, answer []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case method == http.MethodGet && g.state == nil:
		return http.StatusNotFound, nil
	case method == http.MethodGet:
		return http.StatusOK, g.state
	case method == http.MethodPost:
		g.state = body
	case method == "LOCK" && g.lock != nil:
		return http.StatusLocked, g.lock
	case method == "LOCK":
		g.lock = body
	case method == "UNLOCK":
		g.lock = nil
	default:
		return http.StatusMethodNotAllowed, nil
	}
	return http.StatusOK, nil
}

// left returns the state and the lock that Terraform left behind.
func (g *gate) left() (state, lock []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state, g.lock
}

// relay forwards one connection to the mail server.
func (g *gate) relay(client net.Conn, mailServer string) {
	defer client.Close()
	g.mu.Lock()
	g.attempts[g.test.path]++
	g.mu.Unlock()
	g.passMail("connect")
	server, err := net.Dial("tcp", mailServer)
	if err != nil {
		return
	}
	defer server.Close()
	var copying sync.WaitGroup
	defer copying.Wait()
	copying.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.(*net.TCPConn).CloseWrite()
	})
	for buffer := make([]byte, 32<<10); ; {
		n, err := server.Read(buffer)
		if err != nil {
			_ = client.Close()
			return
		}
		g.mu.Lock()
		whole := g.whole
		g.whole = false
		g.mu.Unlock()
		if whole {
			g.passMail("answer to the message")
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			_ = client.Close()
			return
		}
	}
}

// reached is called by the mail server before it replies in a stage.
func (g *gate) reached(_ context.Context, stage site.Stage) {
	g.passMail(string(stage))
	if stage == site.StageData {
		g.mu.Lock()
		g.whole = true
		g.mu.Unlock()
	}
}

func (g *gate) passMail(step string) {
	g.mu.Lock()
	name := g.test.site
	g.mu.Unlock()
	if name == g.struckAt {
		g.pass(context.Background(), atMail+step)
	}
}
