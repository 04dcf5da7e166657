package adminapi_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	stdlog "log"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
)

// system is the one authority that this machine trusts while the tests run.
var system identity

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "adminapi")
	if err == nil {
		system, err = tryIssue(nil, unspoiled)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "ca.pem"), pemOf(system.certificate), 0o600)
	}
	for name, value := range map[string]string{"SSL_CERT_FILE": filepath.Join(dir, "ca.pem"), "SSL_CERT_DIR": dir} {
		err = errors.Join(err, os.Setenv(name, value))
	}
	if err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// unlimited are limits that no test notices by accident.
func unlimited() adminapi.Limits {
	l := adminapi.DefaultLimits()
	l.RequestsPerSecond, l.Concurrency = 1e6, 100
	return l
}

// once are the same without retries, for tests on a real network, where waiting takes time.
func once() adminapi.Limits {
	l := unlimited()
	l.MaxRetries = 0
	return l
}

// log collects records as JSON lines.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *log) handler() slog.Handler {
	return slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug})
}

func open(t *testing.T, o adminapi.PoolOptions, c adminapi.Config) *adminapi.Client {
	t.Helper()
	pool := adminapi.NewPool(o)
	t.Cleanup(pool.Close)
	client, err := pool.Client(c)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// play opens a client of a scripted site.
func play(t *testing.T, credentials adminapi.Credentials, steps ...adminapitest.Step) *adminapi.Client {
	t.Helper()
	site := adminapitest.Play(t, steps...)
	return open(t, adminapi.PoolOptions{DialContext: site.DialContext},
		adminapi.Config{URL: adminapitest.URL, Credentials: credentials, Limits: unlimited()})
}

func get(ctx context.Context, c *adminapi.Client, out any) error {
	_, err := c.Do(ctx, adminapi.Request{Method: "GET", Path: "/thing", Repeat: adminapi.Always}, out)
	return err
}

// quiet swallows what net/http's server has to say about clients that hang up.
func quiet() *stdlog.Logger { return stdlog.New(io.Discard, "", 0) }
