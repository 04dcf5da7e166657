//go:build linux && wordpress

package wordpresstest_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/siteadmin"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/site/sitetest"
)

func TestConformance(t *testing.T) {
	c := start(t)
	pool := adminapi.NewPool(adminapi.PoolOptions{})
	t.Cleanup(pool.Close)
	limits := adminapi.DefaultLimits()
	limits.RequestsPerSecond, limits.Concurrency = 1e6, 8
	good := site.Candidate{
		Settings: site.Settings{
			Host: c.mail.Host(), Port: c.mail.Port(), Encryption: site.STARTTLS, Username: mailer,
			FromAddress: mailer, FromName: "Client A", HELOName: "client-a.example.com",
		},
		Password: secret.New(c.password),
	}
	sitetest.Run(t, sitetest.Target{
		Open: func(t *testing.T) site.Site {
			t.Helper()
			of := wordpress.Site(t)
			front := httptest.NewServer(asSiteAdmin(of.URL, of.Username))
			t.Cleanup(front.Close)
			opened, err := siteadmin.Open(pool, adminapi.Config{URL: front.URL, Limits: limits}, adminapi.Account{Token: of.Password})
			if err != nil {
				t.Fatal(err)
			}
			return opened
		},
		Good:      good,
		Bad:       site.Candidate{Settings: good.Settings, Password: secret.New("not the password")},
		Recipient: recipient,
		Inbox:     func() int { return c.mail.Counters().Messages },
	})
}

// asSiteAdmin serves a WordPress at the base of the contract and with its bearer tokens, which are the Application
// Passwords of a user.
func asSiteAdmin(site, username string) http.Handler {
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		token := strings.TrimPrefix(r.In.Header.Get("Authorization"), "Bearer ")
		_, below, _ := strings.Cut(r.In.URL.Path, "/admin/api/v1")
		r.Out.URL, _ = r.Out.URL.Parse(site + basePath + below)
		r.Out.Host = ""
		r.Out.SetBasicAuth(username, token)
	}}
}
