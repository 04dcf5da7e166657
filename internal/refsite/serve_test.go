package refsite_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serve serves on l until stop is called; served then receives its error.
func (w *testbed) serve(l net.Listener, certs *tls.Config) (stop func(), served <-chan error) {
	ctx, stop := context.WithCancel(w.t.Context())
	ended, server := make(chan error, 1), w.server
	go func() { ended <- server.Serve(ctx, l, certs) }()
	w.server = nil // it closes itself
	return stop, ended
}

func TestServe(t *testing.T) {
	t.Run("FinishesRunningRequestsBeforeItStops", func(t *testing.T) {
		w := start(t)
		c := w.site("client-a")
		l := listen(t)
		c.url = "http://" + l.Addr().String() + "/client-a" + apiPath
		c.http.Transport = checked{t: t, next: &http.Transport{DisableKeepAlives: true}, answers: w.answers}
		stop, served := w.serve(l, nil)
		reached, release := w.hold()
		answered := c.later(http.MethodPut, newTest(), w.candidate())
		isReached(t, reached, answered)
		stop()
		for {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
			if err != nil {
				break // it accepts no new requests
			}
			conn.Close()
		}
		release()
		if got := <-answered; got.status != http.StatusOK || got.object["status"] != "passed" {
			t.Errorf("got %d %s", got.status, got.raw)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	t.Run("SpeaksTLS", func(t *testing.T) {
		w := start(t)
		c := w.site("client-a")
		ca, err := smtptest.NewCA()
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := ca.Issue(smtptest.Leaf{})
		if err != nil {
			t.Fatal(err)
		}
		l := listen(t)
		stop, served := w.serve(l, &tls.Config{Certificates: []tls.Certificate{leaf}, MinVersion: tls.VersionTLS12})
		c.url = "https://" + l.Addr().String() + "/client-a" + apiPath
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.RootCAs(), MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
		c.http.Transport = checked{t: t, next: transport, answers: w.answers}
		if got := c.read(); got.header.Get("Strict-Transport-Security") == "" {
			t.Error("the response has no Strict-Transport-Security")
		}
		transport.CloseIdleConnections()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	t.Run("ReportsWhyItCannotServe", func(t *testing.T) {
		w := start(t)
		l := listen(t)
		l.Close()
		if err := w.server.Serve(t.Context(), l, nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
		w.server = nil
	})
}

// pipes is a listener whose connections need no network.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	close(p.closed)
	return nil
}

func (pipes) Addr() net.Addr { return &net.TCPAddr{} }

func TestR47SlowClients(t *testing.T) {
	for name, test := range map[string]struct {
		says string
		at   time.Duration
	}{
		"NoHeader":   {"", 10 * time.Second},
		"HalfHeader": {"GET /client-a/admin/api/v1/site HTTP/1.1\r\nHost: x\r\nX-", 10 * time.Second},
		"HalfBody":   {"POST /client-a/admin/api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{", 30 * time.Second},
		"Idle":       {"GET /client-a/admin/api/v1/site HTTP/1.1\r\nHost: x\r\n\r\n", 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "data")
			synctest.Test(t, func(t *testing.T) {
				server, err := refsite.New(refsite.Config{DataFile: file, Keys: seal.Generate(), Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := server.AddSite("client-a"); err != nil {
					t.Fatal(err)
				}
				l := pipes{make(chan net.Conn), make(chan struct{})}
				ctx, stop := context.WithCancel(t.Context())
				served := make(chan error)
				go func() { served <- server.Serve(ctx, l, nil) }()
				client, side := net.Pipe()
				l.conns <- side
				start := time.Now()
				go func() { _, _ = io.WriteString(client, test.says) }()
				if _, err := io.Copy(io.Discard, client); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took < test.at || took > test.at+time.Second {
					t.Errorf("the connection was closed after %s, want %s", took, test.at)
				}
				stop()
				if err := <-served; err != nil {
					t.Error(err)
				}
			})
		})
	}
	t.Run("LargeHeader", func(t *testing.T) {
		w := start(t)
		l := listen(t)
		stop, served := w.serve(l, nil)
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nX-Large: "+strings.Repeat("x", 32<<10)+"\r\n\r\n")
		got := make([]byte, 12)
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != "HTTP/1.1 431" {
			t.Errorf("got %s %v", got, err)
		}
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}
