package adminapi_test

import (
	"context"
	"errors"
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

// build serves h at address and returns a client for it.
func (town *town) build(t *testing.T, address string, l adminapi.Limits, h http.HandlerFunc) *adminapi.Client {
	t.Helper()
	server := &http.Server{Handler: h}
	ended := make(chan struct{})
	listener := town.Listen(address)
	go func() {
		defer close(ended)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() { _ = server.Close(); <-ended })
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
			t.Errorf("at most %d and %d at once, 12 calls each took %s", most[0].Load(), most[1].Load(), time.Since(start))
		}
	})
}

func TestRateIsPerOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := unlimited()
		limits.RequestsPerSecond, limits.Concurrency = 5, 2
		town := newTown(t)
		start := time.Now()
		var all sync.WaitGroup
		for _, address := range []string{"127.0.0.1:80", "127.0.0.1:81"} {
			client := town.build(t, address, limits, fine)
			for range 22 {
				all.Go(func() {
					if err := get(t.Context(), client, nil); err != nil {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		if took := time.Since(start); took < 4*time.Second || took > 4100*time.Millisecond {
			t.Errorf("2 and 20 more at 5 a second took %s", took)
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
		slow := town.build(t, "127.0.0.1:80", unlimited(), busy)
		neighbour, err := town.pool.Client(adminapi.Config{URL: "http://127.0.0.1:80/neighbour", Limits: unlimited()})
		if err != nil {
			t.Fatal(err)
		}
		free := town.build(t, "127.0.0.1:81", unlimited(), fine)

		var all sync.WaitGroup
		all.Go(func() {
			if err := get(t.Context(), slow, nil); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		before := time.Now()
		if err := get(t.Context(), free, nil); err != nil || time.Since(before) != 0 {
			t.Errorf("another origin: %v after %s", err, time.Since(before))
		}
		hasty, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err = get(hasty, neighbour, nil)
		if e, ok := errors.AsType[*adminapi.Error](err); !ok || e.Kind != adminapi.Unreachable || e.Attempts != 1 ||
			!errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "waiting for its turn") {
			t.Errorf("a call without the time to wait: %v", err)
		}
		if time.Since(before) != 0 {
			t.Errorf("it waited %s all the same", time.Since(before))
		}
		if err := get(t.Context(), neighbour, nil); err != nil || time.Since(start) < 40*time.Second {
			t.Errorf("the same origin: %v after %s", err, time.Since(start))
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
