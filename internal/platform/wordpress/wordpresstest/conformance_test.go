//go:build linux && wordpress

package wordpresstest_test

import (
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/platform"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/site/sitetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
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
			opened, err := platform.Open(pool, platform.Config{
				Platform: platform.WordPress,
				API:      adminapi.Config{URL: of.URL, Limits: limits},
				Account:  adminapi.Account{Username: of.Username, Password: of.Password},
			})
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

// TestConformanceOfTokenLogins runs the command with which others check their sites, for all grants.
func TestConformanceOfTokenLogins(t *testing.T) {
	t.Parallel()
	c := start(t)
	target, err := url.Parse(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(&httputil.ReverseProxy{Transport: c.http.Transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Path = strings.Replace(r.In.URL.Path, "/admin/api/v1", basePath, 1)
		r.SetURL(target)
	}})
	t.Cleanup(front.Close)
	cmd := exec.CommandContext(t.Context(), "go", "run", "../../siteadmin/conformance", "-url", front.URL, "-run", "Token/")
	cmd.Env = append(os.Environ(), "SMTP_SITE_TOKEN="+c.Eval(t, `echo SiteSMTP\Token::create("conformance");`))
	out, err := cmd.CombinedOutput()
	for _, rule := range []string{"EachTestFetchesAToken", "TestDoesNotUseUpARefreshToken", "TheClientSecretIsPartOfThePassword", "ServiceAccountSigns"} {
		if !strings.Contains(string(out), "PASS  Token/"+rule+" ") {
			t.Errorf("%s did not pass", rule)
		}
	}
	if err != nil || t.Failed() {
		t.Errorf("%v\n%s", err, out)
	}
}
