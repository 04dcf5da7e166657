package adminapi_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
)

// serve starts a real server on the loopback interface.
func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

// raw accepts real TCP connections, reads what comes first and leaves the rest to serve.
func raw(t *testing.T, serve func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.AcceptTCP()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			serve(c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-ended })
	return "http://" + l.Addr().String()
}

func TestFaultsOfARealNetwork(t *testing.T) {
	untilClosed := func(c *net.TCPConn) {
		for b := make([]byte, 1024); ; {
			if _, err := c.Read(b); err != nil {
				return
			}
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := "http://" + l.Addr().String()
	_ = l.Close()

	for name, tt := range map[string]struct {
		url  string
		kind adminapi.Kind
		is   error
		text string
	}{
		"refused": {refused, adminapi.Unreachable, syscall.ECONNREFUSED, "the site cannot be reached: dial tcp 127.0.0.1:"},
		"reset":   {raw(t, func(c *net.TCPConn) { _ = c.SetLinger(0) }), adminapi.NoAnswer, syscall.ECONNRESET, "sent, but no complete response came back"},
		"silence": {raw(t, untilClosed), adminapi.NoAnswer, nil, "no complete response came back: gave up after 200ms"},
		"silence in headers": {raw(t, func(c *net.TCPConn) {
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-"))
			untilClosed(c)
		}), adminapi.NoAnswer, nil, "no complete response came back: gave up after 200ms"},
		"silence in the body": {raw(t, func(c *net.TCPConn) {
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"))
			untilClosed(c)
		}), adminapi.NoAnswer, nil, "no complete response came back: gave up after 200ms"},
		"100 KiB of headers": {raw(t, func(c *net.TCPConn) {
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 100<<10) + "\r\nContent-Length: 0\r\n\r\n"))
		}), adminapi.NoAnswer, nil, "headers exceeded 65536 bytes"},
		"endless headers": {raw(t, func(c *net.TCPConn) {
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nX: "))
			for {
				if _, err := c.Write(make([]byte, 1024)); err != nil {
					return
				}
			}
		}), adminapi.NoAnswer, nil, "no complete response came back"},
	} {
		t.Run(name, func(t *testing.T) {
			limits := once()
			if strings.HasPrefix(name, "silence") {
				limits.RequestTimeout = 200 * time.Millisecond
			}
			client := open(t, adminapi.PoolOptions{}, adminapi.Config{URL: tt.url, Limits: limits})
			err := get(t.Context(), client, nil)
			e, ok := errors.AsType[*adminapi.Error](err)
			if !ok || e.Kind != tt.kind || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestConnectionsAreReused(t *testing.T) {
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "bad/thing") {
			rejected(w, r)
			return
		}
		fine(w, r)
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)

	pool := adminapi.NewPool(adminapi.PoolOptions{})
	t.Cleanup(pool.Close)
	for _, prefix := range []string{"/a", "/bad", "/b"} {
		client, err := pool.Client(adminapi.Config{URL: server.URL + prefix, Limits: once()})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			_ = get(t.Context(), client, nil)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("9 requests by 3 clients of one origin opened %d connections, want 1", n)
	}
}

func TestPrefixIsKept(t *testing.T) {
	for base, want := range map[string]string{"": "/thing", "/": "/thing", "/sites/a": "/sites/a/thing", "/sites/a/": "/sites/a/thing"} {
		var got string
		server := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.URL.Path }))
		client := open(t, adminapi.PoolOptions{}, adminapi.Config{URL: server.URL + base, Limits: once()})
		if err := get(t.Context(), client, nil); err != nil || got != want {
			t.Errorf("%q: got %s, %v, want %s", base, got, err, want)
		}
	}
}

func TestUserAgent(t *testing.T) {
	var got string
	server := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.UserAgent() }))
	client := open(t, adminapi.PoolOptions{UserAgent: "Terraform/1 test"}, adminapi.Config{URL: server.URL, Limits: once()})
	if err := get(t.Context(), client, nil); err != nil || got != "Terraform/1 test" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestReadsAreNotTakenFromACache(t *testing.T) {
	for method, want := range map[string]string{"GET": "no-cache", "PUT": ""} {
		var got string
		server := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Cache-Control") }))
		client := open(t, adminapi.PoolOptions{}, adminapi.Config{URL: server.URL, Limits: once()})
		if _, err := client.Do(t.Context(), adminapi.Request{Method: method, Path: "/thing"}, nil); err != nil || got != want {
			t.Errorf("%s: got %q, %v", method, got, err)
		}
	}
}

func TestHTTP2(t *testing.T) {
	var proto string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { proto = r.Proto }))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	client := open(t, adminapi.PoolOptions{}, adminapi.Config{URL: server.URL, TLS: adminapi.TLS{CACertificate: pemOf(server.Certificate())}, Limits: once()})
	var reused bool
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
	for range 2 {
		if err := get(ctx, client, nil); err != nil {
			t.Fatal(err)
		}
	}
	if proto != "HTTP/2.0" || !reused {
		t.Errorf("got %s, reused: %t", proto, reused)
	}
}
