package provider_test

import (
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/platform"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/listmonk/listmonktest"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/pocketbase/pocketbasetest"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// platformSite is a new site on a platform other than siteadmin.
type platformSite struct {
	Platform, URL, Username, Password string
}

// startPlatform starts a site that trusts the testbed's mail server.
func (tb *testbed) startPlatform(name string) *platformSite {
	tb.t.Helper()
	switch name {
	case platform.PocketBase:
		s := pocketbasetest.Start(tb.t, pocketbasetest.Config{CAPEM: tb.smtp.CAPEM()})
		return &platformSite{name, s.URL, s.Username, s.Password.Reveal()}
	case platform.Listmonk:
		s := listmonktest.Start(tb.t, listmonktest.Config{RootCAs: tb.smtp.RootCAs(), RestartAfter: 500 * time.Millisecond, Away: 200 * time.Millisecond})
		return &platformSite{name, s.URL, s.Username, s.Token.Reveal()}
	case platform.WordPress:
		return &platformSite{name, tb.startWordPress() + "/only", "terraform", tb.tokens["only"]}
	default:
		tb.t.Fatalf("no test site for platform %q", name)
		return nil
	}
}

// startPlatforms starts one site of each platform.
func (tb *testbed) startPlatforms(names []string) {
	tb.t.Helper()
	tb.others = map[string]*platformSite{}
	for _, name := range names {
		tb.others[name] = tb.startPlatform(name)
	}
}

// startWordPress serves the reference sites at WordPress's path and with its login. The plugin itself is tested in a WordPress; this
// tests that the provider finds it.
func (tb *testbed) startWordPress() (url string) {
	front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		site, below, _ := strings.Cut(r.In.URL.Path, "/wp-json/site-smtp/v1")
		_, password, _ := r.In.BasicAuth()
		r.Out.URL, _ = r.Out.URL.Parse(tb.http.URL + site + "/admin/api/v1" + below)
		r.Out.Host = ""
		r.Out.Header.Set("Authorization", "Bearer "+password)
	}})
	tb.t.Cleanup(front.Close)
	return front.URL
}

// state reads the site without the provider. A PocketBase with mail on sends its superuser a message about this login from a new client.
func (s *platformSite) state(tb *testbed) site.State {
	tb.t.Helper()
	pool := adminapi.NewPool(adminapi.PoolOptions{})
	tb.t.Cleanup(pool.Close)
	opened, err := platform.Open(pool, platform.Config{
		Platform: s.Platform,
		API:      adminapi.Config{URL: s.URL, Limits: adminapi.DefaultLimits()},
		Account:  adminapi.Account{Username: s.Username, Password: secret.New(s.Password)},
	})
	if err != nil {
		tb.t.Fatal(err)
	}
	state, err := opened.Read(tb.t.Context())
	if err != nil {
		tb.t.Fatal(err)
	}
	return state
}
