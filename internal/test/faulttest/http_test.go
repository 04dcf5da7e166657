package faulttest_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/faulttest"
)

// fault finds one by its name.
func fault(t *testing.T, name string) faulttest.HTTPFault {
	t.Helper()
	for _, f := range faulttest.HTTPFaults() {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("unknown fault %s", name)
	return faulttest.HTTPFault{}
}

// start starts a site that echoes requests, a proxy in front of it, and a client.
func start(t *testing.T) (*faulttest.HTTP, *http.Client) {
	t.Helper()
	network := &adminapitest.Network{}
	site := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Site", r.URL.Path)
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.Copy(w, r.Body)
	})}
	listener := network.Listen("127.0.0.1:1")
	go func() { _ = site.Serve(listener) }()
	proxy := faulttest.NewHTTP(faulttest.HTTPConfig{
		Listener: network.Listen("127.0.0.1:2"),
		Dial:     func(ctx context.Context) (net.Conn, error) { return network.DialContext(ctx, "tcp", "127.0.0.1:1") },
	})
	t.Cleanup(func() {
		proxy.Close()
		_ = site.Close()
	})
	return proxy, &http.Client{Transport: &http.Transport{DialContext: network.DialContext}}
}

func put(t *testing.T, client *http.Client, path, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://127.0.0.1:2"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, resp.Header.Get("X-Site") + " " + string(answer)
}

func TestHTTPForwardsWithoutFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proxy, client := start(t)
		proxy.Break(faulttest.Plan{Method: http.MethodPut, Path: "/a/*", From: 2, Times: 1, Position: faulttest.Before, Fault: fault(t, "NotFound")})
		for i, want := range []struct {
			path   string
			status int
		}{{"/a/1", 202}, {"/b/1", 202}, {"/a/2", 404}, {"/a/3", 202}} {
			status, answer := put(t, client, want.path, "body")
			if status != want.status || status == 202 && answer != want.path+" body" {
				t.Errorf("request %d: got %d %q", i+1, status, answer)
			}
		}
		calls := proxy.Calls()
		if n := proxy.Heal(); len(calls) != 4 || n != 0 || !calls[2].Struck || calls[2].Status != 0 || calls[3].Status != 202 || string(calls[3].Body) != "body" {
			t.Errorf("got %+v, then %d", calls, n)
		}
	})
}

func TestHTTPPositions(t *testing.T) {
	for _, position := range faulttest.Positions() {
		for _, f := range faulttest.HTTPFaults() {
			// A late response still arrives.
			reaches := position != faulttest.Before || f.Name == "Latency" || f.Name == "Slow"
			t.Run(string(position)+"/"+f.Name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					proxy, client := start(t)
					client.Timeout = faulttest.TooLate * 2
					client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
					proxy.Break(faulttest.Plan{Method: http.MethodPut, Path: "/a", From: 1, Position: position, Fault: f})
					put(t, client, "/a", `{"site_id":"a site"}`)
					if call := proxy.Calls()[0]; !call.Struck || (call.Status != 0) != reaches {
						t.Errorf("got %+v, want it to reach the site: %t", call, reaches)
					}
				})
			})
		}
	}
}
