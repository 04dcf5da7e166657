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

// platformSite is a site of another platform than the reference site's, that was never configured.
type platformSite struct {
	Platform, URL, Username, Password string
}

// startPlatform starts one that trusts the world's submission server.
func (w *world) startPlatform(name string) *platformSite {
	w.t.Helper()
	switch name {
	case platform.PocketBase:
		s := pocketbasetest.Start(w.t, pocketbasetest.Config{CAPEM: w.smtp.CAPEM()})
		return &platformSite{name, s.URL, s.Username, s.Password.Reveal()}
	case platform.Listmonk:
		s := listmonktest.Start(w.t, listmonktest.Config{RootCAs: w.smtp.RootCAs(), RestartAfter: 500 * time.Millisecond, Away: 200 * time.Millisecond})
		return &platformSite{name, s.URL, s.Username, s.Token.Reveal()}
	case platform.WordPress:
		return &platformSite{name, w.startWordPress() + "/only", "terraform", w.tokens["only"]}
	default:
		w.t.Fatalf("no site of platform %q can be started", name)
		return nil
	}
}

// startPlatforms starts one of each.
func (w *world) startPlatforms(names []string) {
	w.t.Helper()
	w.others = map[string]*platformSite{}
	for _, name := range names {
		w.others[name] = w.startPlatform(name)
	}
}

// startWordPress serves the reference sites where WordPress serves the contract, and with its login. The plugin itself is
// tested in a WordPress; this is about finding it.
func (w *world) startWordPress() (url string) {
	front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		site, below, _ := strings.Cut(r.In.URL.Path, "/wp-json/site-smtp/v1")
		_, password, _ := r.In.BasicAuth()
		r.Out.URL, _ = r.Out.URL.Parse(w.http.URL + site + "/admin/api/v1" + below)
		r.Out.Host = ""
		r.Out.Header.Set("Authorization", "Bearer "+password)
	}})
	w.t.Cleanup(front.Close)
	return front.URL
}

// state is what it holds, without the provider. A PocketBase whose mail is on sends its superuser a message about this
// login, which is one from a new client.
func (s *platformSite) state(w *world) site.State {
	w.t.Helper()
	pool := adminapi.NewPool(adminapi.PoolOptions{})
	w.t.Cleanup(pool.Close)
	opened, err := platform.Open(pool, platform.Config{
		Platform: s.Platform,
		API:      adminapi.Config{URL: s.URL, Limits: adminapi.DefaultLimits()},
		Account:  adminapi.Account{Username: s.Username, Password: secret.New(s.Password)},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	state, err := opened.Read(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return state
}
