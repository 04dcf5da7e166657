package adminapi_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
)

// town is a pool whose clients reach handlers at any number of addresses.
type town struct {
	adminapitest.Network
	pool *adminapi.Pool
}

func newTown(t *testing.T) *town {
	t.Helper()
	town := &town{}
	town.pool = adminapi.NewPool(adminapi.PoolOptions{DialContext: town.DialContext})
	t.Cleanup(town.pool.Close)
	return town
}

// serve serves server at address until the test ends.
func (town *town) serve(t *testing.T, address string, server *http.Server) {
	t.Helper()
	ended := make(chan struct{})
	listener := town.Listen(address)
	go func() {
		defer close(ended)
		if server.TLSConfig != nil {
			_ = server.ServeTLS(listener, "", "")
		} else {
			_ = server.Serve(listener)
		}
	}()
	t.Cleanup(func() { _ = server.Close(); <-ended })
}

// build serves h at address and returns a client for it.
func (town *town) build(t *testing.T, address string, l adminapi.Limits, h http.HandlerFunc) *adminapi.Client {
	t.Helper()
	town.serve(t, address, &http.Server{Handler: h})
	client, err := town.pool.Client(adminapi.Config{URL: "http://" + address, Limits: l})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestConcurrencyIsPerOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := unlimited()
		limits.Concurrency = 3
		town := newTown(t)
		var inside, most [2]atomic.Int32
		door := func(i int) http.HandlerFunc {
			return func(_ http.ResponseWriter, r *http.Request) {
				inside[i].Add(1)
				_ = adminapi.Sleep(r.Context(), time.Second)
				most[i].Store(max(most[i].Load(), inside[i].Load()))
				_ = adminapi.Sleep(r.Context(), time.Second)
				inside[i].Add(-1)
			}
		}
		start := time.Now()
		var all sync.WaitGroup
		for i, address := range []string{"127.0.0.1:80", "127.0.0.1:81"} {
			first := town.build(t, address, limits, door(i))
			second, err := town.pool.Client(adminapi.Config{URL: "http://" + address + "/other", Limits: limits})
			if err != nil {
				t.Fatal(err)
			}
			for range 6 {
				for _, client := range []*adminapi.Client{first, second} {
					all.Go(func() {
						if err := get(t.Context(), client, nil); err != nil {
							t.Error(err)
						}
					})
				}
			}
		}
		all.Wait()
		if most[0].Load() != 3 || most[1].Load() != 3 || time.Since(start) != 8*time.Second {
			t.Errorf("got at most %d and %d concurrent requests, and 12 requests each took %s", most[0].Load(), most[1].Load(), time.Since(start))
		}
	})
}

// crowd makes calls at the same time and returns how long they took together.
func crowd(t *testing.T, client *adminapi.Client, calls int) time.Duration {
	t.Helper()
	start := time.Now()
	var all sync.WaitGroup
	for range calls {
		all.Go(func() {
			if err := get(t.Context(), client, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	return time.Since(start)
}

func slow(_ http.ResponseWriter, r *http.Request) { _ = adminapi.Sleep(r.Context(), time.Second) }

func TestDefaultLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		town := newTown(t)
		if took := crowd(t, town.build(t, "127.0.0.1:80", adminapi.DefaultLimits(), slow), 21); took != 3*time.Second {
			t.Errorf("21 requests of a second, 10 of them concurrent, took %s", took)
		}
		err := get(t.Context(), town.build(t, "127.0.0.1:81", adminapi.DefaultLimits(), adminapitest.Silence), nil)
		if e, ok := errors.AsType[*adminapi.Error](err); !ok || e.Attempts != 4 || !strings.Contains(err.Error(), "gave up after 30s") {
			t.Errorf("got %v", err)
		}
	})
}

func TestConcurrencyHoldsWithinOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		authority := issue(t, nil, unspoiled)
		town := newTown(t)
		town.serve(t, "127.0.0.1:443", &http.Server{
			Handler: http.HandlerFunc(slow), TLSConfig: &tls.Config{Certificates: []tls.Certificate{issue(t, &authority, unspoiled).forTLS()}},
		})
		limits := unlimited()
		limits.Concurrency = 3
		client, err := town.pool.Client(adminapi.Config{
			URL: "https://127.0.0.1", TLS: adminapi.TLS{CACertificate: pemOf(authority.certificate)}, Limits: limits,
		})
		if err != nil {
			t.Fatal(err)
		}
		if took := crowd(t, client, 12); took != 4*time.Second {
			t.Errorf("12 requests of a second, 3 of them concurrent, took %s", took)
		}
	})
}

// deadEnd is a connection whose far end vanishes without a word once dead is closed.
type deadEnd struct {
	net.Conn
	dead, closed chan struct{}
}

func (c deadEnd) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	select {
	case <-c.dead:
		<-c.closed
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (c deadEnd) Close() error {
	close(c.closed)
	return c.Conn.Close()
}

func TestADeadConnectionIsFoundBeforeTheRequestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		authority := issue(t, nil, unspoiled)
		town := &town{}
		dead := make(chan struct{})
		var dials int
		pool := adminapi.NewPool(adminapi.PoolOptions{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := town.DialContext(ctx, network, address)
			dials++
			if dials > 1 || err != nil {
				return c, err
			}
			return deadEnd{c, dead, make(chan struct{})}, nil
		}})
		t.Cleanup(pool.Close)
		town.serve(t, "127.0.0.1:443", &http.Server{
			Handler: fine, TLSConfig: &tls.Config{Certificates: []tls.Certificate{issue(t, &authority, unspoiled).forTLS()}},
		})
		client, err := pool.Client(adminapi.Config{URL: "https://127.0.0.1", TLS: adminapi.TLS{CACertificate: pemOf(authority.certificate)}, Limits: unlimited()})
		if err != nil {
			t.Fatal(err)
		}
		crowd(t, client, 1)
		close(dead)
		if took := crowd(t, client, 1); dials != 2 || took > 22*time.Second {
			t.Errorf("got %d connections and took %s", dials, took)
		}
	})
}

func TestAsManyConnectionsAreKeptAsAreUsedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var connections atomic.Int32
		town := newTown(t)
		town.serve(t, "127.0.0.1:80", &http.Server{Handler: http.HandlerFunc(slow), ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				connections.Add(1)
			}
		}})
		limits := unlimited()
		limits.Concurrency = 5
		client, err := town.pool.Client(adminapi.Config{URL: "http://127.0.0.1:80", Limits: limits})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			crowd(t, client, 5)
		}
		if n := connections.Load(); n != 5 {
			t.Errorf("%d connections, want 5", n)
		}
	})
}

func TestRateIsPerOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := unlimited()
		limits.RequestsPerSecond, limits.Concurrency = 5, 2
		town := newTown(t)
		var all sync.WaitGroup
		for _, address := range []string{"127.0.0.1:80", "127.0.0.1:81"} {
			client := town.build(t, address, limits, fine)
			all.Go(func() {
				if took := crowd(t, client, 22); took < 4*time.Second || took > 4100*time.Millisecond {
					t.Errorf("2 and 20 more at 5 per second took %s", took)
				}
			})
		}
		all.Wait()
	})
}

// A request that cannot wait for its turn leaves it to the next one.
func TestATurnThatIsNotWaitedForIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := unlimited()
		limits.RequestsPerSecond, limits.Concurrency = 0.1, 1
		client := newTown(t).build(t, "127.0.0.1:80", limits, fine)
		crowd(t, client, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := get(ctx, client, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if took := crowd(t, client, 1); took.Round(time.Second) != 10*time.Second {
			t.Errorf("the next turn came after %s, want 10s", took)
		}
	})
}

func TestA429MakesItsOriginWaitAndNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		town := newTown(t)
		start := time.Now()
		busy := func(w http.ResponseWriter, r *http.Request) {
			if time.Since(start) < 40*time.Second {
				adminapitest.WithHeader("Retry-After", "40", adminapitest.Problem(429, "rate_limited"))(w, r)
			}
		}
		hurried := town.build(t, "127.0.0.1:80", unlimited(), busy)
		neighbour, err := town.pool.Client(adminapi.Config{URL: "http://127.0.0.1:80/neighbour", Limits: unlimited()})
		if err != nil {
			t.Fatal(err)
		}
		free := town.build(t, "127.0.0.1:81", unlimited(), fine)

		var all sync.WaitGroup
		all.Go(func() {
			if err := get(t.Context(), hurried, nil); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		before := time.Now()
		if err := get(t.Context(), free, nil); err != nil || time.Since(before) != 0 {
			t.Errorf("another origin: got %v after %s", err, time.Since(before))
		}
		hasty, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err = get(hasty, neighbour, nil)
		if e, ok := errors.AsType[*adminapi.Error](err); !ok || e.Kind != adminapi.Unreachable || e.Attempts != 1 ||
			!errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "waiting for its turn") {
			t.Errorf("a request without time to wait: got %v", err)
		}
		if time.Since(before) != 0 {
			t.Errorf("it still waited %s", time.Since(before))
		}
		if err := get(t.Context(), neighbour, nil); err != nil || time.Since(start) < 40*time.Second {
			t.Errorf("the same origin: got %v after %s", err, time.Since(start))
		}
		all.Wait()
	})
}

func TestWaitingForATurnEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := unlimited()
		limits.Concurrency = 1
		town := newTown(t)
		client := town.build(t, "127.0.0.1:80", limits, adminapitest.Silence)
		first, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- get(first, client, nil) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := get(ctx, client, nil)
		if e, ok := errors.AsType[*adminapi.Error](err); !ok || e.Kind != adminapi.Unreachable || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		stop()
		<-ended
	})
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if err := adminapi.Sleep(ctx, 59*time.Second); err != nil || time.Since(start) != 59*time.Second {
			t.Errorf("got %v after %s", err, time.Since(start))
		}
		if err := adminapi.Sleep(ctx, time.Second); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 59*time.Second {
			t.Errorf("got %v after %s", err, time.Since(start))
		}
	})
}
