package adminapi_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// refusedAt returns the attribute that the error of Client or Validate names.
func refusedAt(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	e, ok := errors.AsType[*adminapi.ConfigError](err)
	if !ok {
		t.Fatalf("got %T: %v", err, err)
	}
	if !strings.HasSuffix(e.Message, ".") || strings.Contains(err.Error(), "canary") {
		t.Errorf("the message does not end with a period or shows a secret: %s", err)
	}
	return e.Attribute
}

func TestURL(t *testing.T) {
	for _, good := range []string{
		"https://client-a.example", "https://client-a.example/", "https://sites.example:8443/client-a", "https://[2001:db8::1]:8443",
		"HTTPS://client-a.example", "http://localhost:8080", "http://127.0.0.1", "http://127.8.8.8:1", "http://[::1]:8080/a",
		"http://LOCALHOST", "http://localhost.:80",
	} {
		_, err := adminapi.NewPool(adminapi.PoolOptions{}).Client(adminapi.Config{
			URL: good, Credentials: adminapi.Bearer(secret.New("x")), Limits: adminapi.DefaultLimits(),
		})
		if err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, want := range map[string]string{
		"":                                 "It must be a URL such as",
		"client-a.example":                 "It must be a URL such as",
		"https://":                         "It must be a URL such as",
		"https:client-a.example":           "It must be a URL such as",
		"ftp://client-a.example":           "It must be a URL such as",
		"https://client-a.example:port":    "It must be a URL such as",
		"https://u:%zz-canary@a.example":   "It must be a URL such as",
		"https://u:canary@a.example":       "Credentials do not belong",
		"https://canary@a.example":         "Credentials do not belong",
		"https://a.example/?token=canary":  "must end before",
		"https://a.example/?":              "must end before",
		"https://a.example/#canary":        "must end before",
		"http://a.example":                 "use https",
		"http://10.0.0.1":                  "use https",
		"http://localhost.evil.example":    "use https",
		"http://127.0.0.1.evil.example":    "use https",
		"http://[::ffff:10.0.0.1]:8080/ad": "use https",
	} {
		_, err := adminapi.NewPool(adminapi.PoolOptions{}).Client(adminapi.Config{URL: bad, Limits: adminapi.DefaultLimits()})
		if refusedAt(t, err) != "url" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", bad, err, want)
		}
	}
}

func TestAddress(t *testing.T) {
	for url, want := range map[string]string{
		"https://a.example":             "https://a.example:443",
		"https://a.example:443/":        "https://a.example:443",
		"HTTPS://A.Example.:443":        "https://a.example:443",
		"https://a.example:8443/Site//": "https://a.example:8443/Site",
		"https://a.example/%41":         "https://a.example:443/%41",
		"http://localhost":              "http://localhost:80",
		"http://[::1]/a":                "http://[::1]:80/a",
	} {
		if got, err := adminapi.Address(url); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", url, got, err, want)
		}
	}
	if _, err := adminapi.Address("https://u:canary@a.example"); refusedAt(t, err) != "url" {
		t.Errorf("got %v", err)
	}
}

func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		spoil func(*adminapi.Limits)
		want  string
	}{
		{func(l *adminapi.Limits) { l.RequestTimeout = 0 }, "request_timeout"},
		{func(l *adminapi.Limits) { l.MaxRetries = -1 }, "max_retries"},
		{func(l *adminapi.Limits) { l.RequestsPerSecond = 0 }, "requests_per_second"},
		{func(l *adminapi.Limits) { l.RequestsPerSecond = -1 }, "requests_per_second"},
		{func(l *adminapi.Limits) { l.RequestsPerSecond = math.NaN() }, "requests_per_second"},
		{func(l *adminapi.Limits) { l.Concurrency = 0 }, "concurrency"},
	} {
		limits := adminapi.DefaultLimits()
		tt.spoil(&limits)
		_, err := adminapi.NewPool(adminapi.PoolOptions{}).Client(adminapi.Config{URL: "https://a.example", Limits: limits})
		if got := refusedAt(t, err); got != tt.want {
			t.Errorf("%+v: got %q, want %s", limits, got, tt.want)
		}
	}
}

func TestOneOriginHasOneLimit(t *testing.T) {
	pool := adminapi.NewPool(adminapi.PoolOptions{})
	at := func(url string, change func(*adminapi.Limits)) error {
		limits := adminapi.DefaultLimits()
		change(&limits)
		_, err := pool.Client(adminapi.Config{URL: url, Limits: limits})
		return err
	}
	fewer := func(l *adminapi.Limits) { l.Concurrency = 1 }
	slower := func(l *adminapi.Limits) { l.RequestsPerSecond = 1 }
	patient := func(l *adminapi.Limits) { l.RequestTimeout, l.MaxRetries = time.Hour, 9 }
	for i, tt := range []struct {
		err  error
		want string
	}{
		{at("https://a.example", func(*adminapi.Limits) {}), ""},
		{at("https://a.example/other", patient), ""},
		{at("https://A.example:443/other", fewer), "concurrency"},
		{at("https://a.example", slower), "requests_per_second"},
		{at("https://a.example:8443", fewer), ""},
		{at("https://b.example", slower), ""},
	} {
		if got := refusedAt(t, tt.err); got != tt.want {
			t.Errorf("%d: got %q, want %q: %v", i, got, tt.want, tt.err)
		}
	}
}

func TestTLSConfig(t *testing.T) {
	own := issue(t, nil, unspoiled)
	other := issue(t, nil, unspoiled)
	for name, tt := range map[string]struct {
		tls  adminapi.TLS
		want string
	}{
		"complete":                   {adminapi.TLS{CACertificate: pemOf(own.certificate), ClientCertificate: pemOf(own.certificate), ClientKey: own.keyPEM(t)}, ""},
		"authority not PEM":          {adminapi.TLS{CACertificate: own.certificate.Raw}, "ca_certificate"},
		"no key":                     {adminapi.TLS{ClientCertificate: pemOf(own.certificate)}, "client_certificate"},
		"no certificate":             {adminapi.TLS{ClientKey: own.keyPEM(t)}, "client_certificate"},
		"key of another certificate": {adminapi.TLS{ClientCertificate: pemOf(own.certificate), ClientKey: other.keyPEM(t)}, "client_certificate"},
		"invalid key":                {adminapi.TLS{ClientCertificate: pemOf(own.certificate), ClientKey: secret.New("canary")}, "client_certificate"},
		"certificate as key":         {adminapi.TLS{ClientCertificate: pemOf(own.certificate), ClientKey: secret.New(string(pemOf(own.certificate)))}, "client_certificate"},
	} {
		_, err := adminapi.NewPool(adminapi.PoolOptions{}).Client(adminapi.Config{URL: "https://a.example", TLS: tt.tls, Limits: once()})
		if got := refusedAt(t, err); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

// What an account is made into is what the platform asks for, and nothing of it is sent where there is nothing.
func TestAccountsMakeCredentials(t *testing.T) {
	login := func(context.Context, *adminapi.Client) (adminapi.Grant, error) { return adminapi.Grant{}, nil }
	token := adminapi.Account{Token: secret.New("canary")}
	user := adminapi.Account{Username: "a", Password: secret.New("canary")}
	for name, tt := range map[string]struct {
		account        adminapi.Account
		session, basic string
		none           bool
	}{
		"Token":   {token, "", "token", false},
		"Login":   {user, "", "", false},
		"Nothing": {adminapi.Account{}, "", "", true},
		"Half":    {adminapi.Account{Username: "a"}, "password", "password", true},
	} {
		session, err := tt.account.Session(login)
		if got := refusedAt(t, err); got != tt.session || (session == nil) != tt.none {
			t.Errorf("%s: got %v, %v", name, session, err)
		}
		basic, err := tt.account.Basic("There are no tokens.")
		if got := refusedAt(t, err); got != tt.basic || (basic == nil) != (tt.none || tt.basic != "") {
			t.Errorf("%s: got %v, %v", name, basic, err)
		}
	}
}

func TestAccount(t *testing.T) {
	some := secret.New("canary")
	for name, tt := range map[string]struct {
		account adminapi.Account
		want    string
	}{
		"nothing":            {adminapi.Account{}, ""},
		"token":              {adminapi.Account{Token: some}, ""},
		"login":              {adminapi.Account{Username: "a", Password: some}, ""},
		"both":               {adminapi.Account{Token: some, Username: "a", Password: some}, "token"},
		"token and username": {adminapi.Account{Token: some, Username: "a"}, "token"},
		"token and password": {adminapi.Account{Token: some, Password: some}, "token"},
		"username only":      {adminapi.Account{Username: "a"}, "password"},
		"password only":      {adminapi.Account{Password: some}, "username"},
		"token with newline": {adminapi.Account{Token: secret.New("canary\n")}, "token"},
		"token of a file":    {adminapi.Account{Token: secret.New("canary\r\n")}, "token"},
		"token with space":   {adminapi.Account{Token: secret.New("can ary")}, "token"},
		"token with quote":   {adminapi.Account{Token: secret.New("“canary”")}, "token"},
	} {
		err := tt.account.Validate()
		if strings.Contains(name, "file") != strings.Contains(fmt.Sprint(err), "trimspace(file(…))") && name != "token with newline" {
			t.Errorf("%s: %v", name, err)
		}
		if got := refusedAt(t, err); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
