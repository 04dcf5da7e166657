package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/contracttest"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// apiPath is the path of a site's API.
const apiPath = "/admin/api/v1"

// tap is a proxy on this machine through which all requests to the site go. It notes violations of the contract.
type tap struct {
	contract *contracttest.Document
	site     http.RoundTripper
	url      string
	server   *http.Server
	// out receives a line for each wait.
	out io.Writer

	mu    sync.Mutex
	notes []string
	// secrets must not occur in any response.
	secrets untrusted.Redactor
}

// openTap starts a proxy to the site at target. It uses transport.
func openTap(ctx context.Context, out io.Writer, target string, transport http.RoundTripper, contract *contracttest.Document, secrets ...secret.Text) (*tap, error) {
	to, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &tap{out: out, contract: contract, site: transport, url: "http://" + l.Addr().String()}
	for _, s := range secrets {
		t.secrets.Add(s)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			// Then the transport requests gzip itself, and decompresses the response.
			r.Out.Header.Del("Accept-Encoding")
		},
		Transport: t,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				t.note("%s %s: %v", r.Method, r.URL.Path, err)
			}
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	t.server = &http.Server{Handler: proxy, ReadHeaderTimeout: time.Minute}
	go func() { _ = t.server.Serve(l) }()
	return t, nil
}

func (t *tap) close() error { return t.server.Close() }

// RoundTrip implements [http.RoundTripper].
func (t *tap) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := readAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	resp, err := t.site.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer, err := readAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	_, below, _ := strings.Cut(r.URL.Path, apiPath)
	_, err = t.contract.Check(contracttest.Exchange{
		Request: r, Path: below, Body: body, Status: resp.StatusCode, Header: resp.Header, Answer: answer,
	})
	if err != nil {
		t.note("%s %s, %d: %v", r.Method, below, resp.StatusCode, err)
	}
	if wait := resp.Header.Get("Retry-After"); resp.StatusCode == http.StatusTooManyRequests && wait != "" {
		t.tell("WAIT  %.10s s, because the site responds to %s %s with 429\n", wait, r.Method, below)
	}
	// Search the response both raw and decoded, because JSON can escape any character.
	var said any
	_ = json.Unmarshal(answer, &said)
	if t.tells(fmt.Sprintf("%v %s %v", resp.Header, answer, said)) {
		t.note("%s %s, %d: the response contains a password", r.Method, below, resp.StatusCode)
	}
	return resp, nil
}

func readAll(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	defer body.Close()
	return io.ReadAll(body)
}

// tells reports whether a text contains a secret, in clear or encoded, such as in an echoed AUTH PLAIN.
func (t *tap) tells(text string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.secrets.Line(text) != untrusted.Line(text)
}

func (t *tap) tell(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, format, args...)
}

func (t *tap) note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// noted returns the notes since its last call.
func (t *tap) noted() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	notes := t.notes
	t.notes = nil
	return notes
}
