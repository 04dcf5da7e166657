package siteadmin_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/siteadmin"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/site/sitetest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

const mailer = "mailer@example.com"

// reference is a reference site server that sends to mail.
type reference struct {
	*refsite.Server
	mail *smtptest.Server
	url  string
	pool *adminapi.Pool
}

func startReference(t *testing.T, password secret.Text) *reference {
	t.Helper()
	mail := smtptest.Start(t, smtptest.Config{Users: map[string]secret.Text{mailer: password}})
	server, err := refsite.New(refsite.Config{
		DataFile:      filepath.Join(t.TempDir(), "data"),
		Keys:          seal.Generate(),
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		RootCAs:       mail.RootCAs(),
		TestWait:      50 * time.Millisecond,
		Logger:        slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	front := httptest.NewServer(contract.guard(t, server.Handler()))
	t.Cleanup(front.Close)
	pool := adminapi.NewPool(adminapi.PoolOptions{})
	t.Cleanup(pool.Close)
	return &reference{server, mail, front.URL, pool}
}

func quickLimits() adminapi.Limits {
	l := adminapi.DefaultLimits()
	l.RequestsPerSecond, l.Concurrency = 1e6, 16
	return l
}

func (r *reference) open(t *testing.T, name string, account adminapi.Account) site.Site {
	t.Helper()
	s, err := siteadmin.Open(r.pool, adminapi.Config{URL: r.url + "/" + name, Limits: quickLimits()}, account)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	password := secret.New("a submission password")
	r := startReference(t, password)
	good, bad := sitetest.Candidates(r.mail.Host(), r.mail.Port(), site.STARTTLS, mailer, password)
	var sites atomic.Int32
	sitetest.Run(t, sitetest.Target{
		Open: func(t *testing.T) site.Site {
			t.Helper()
			name := fmt.Sprintf("site-%d", sites.Add(1))
			credentials, err := r.AddSite(name)
			if err != nil {
				t.Fatal(err)
			}
			return r.open(t, name, adminapi.Account{Token: credentials.Token})
		},
		Good:      good,
		Bad:       bad,
		Recipient: "ops@example.com",
		Inbox:     func() int { return len(r.mail.Messages()) },
	})
}

func TestLoginAtTheReferenceSite(t *testing.T) {
	r := startReference(t, secret.New("a submission password"))
	if _, err := r.AddSite("client-a"); err != nil {
		t.Fatal(err)
	}
	password, err := r.AddLogin(t.Context(), "client-a", "admin")
	if err != nil {
		t.Fatal(err)
	}
	opened := r.open(t, "client-a", adminapi.Account{Username: "admin", Password: password})
	before, err := opened.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	after, err := opened.Save(t.Context(), site.SaveRequest{Settings: settings, Password: candidate.Password, Revision: before.Revision})
	if err != nil || after.UpdatedBy != "admin" {
		t.Errorf("got %+v, %v", after, err)
	}
	_, err = r.open(t, "client-a", adminapi.Account{Username: "admin", Password: secret.New("another")}).Read(t.Context())
	if site.KindOf(err) != site.Unauthorized {
		t.Errorf("got %q: %v", site.KindOf(err), err)
	}
}
