package oauth_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/oauth"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// endpoint starts a token endpoint and returns a request that fits it.
func endpoint(t *testing.T, answer http.HandlerFunc) oauth.Request {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return oauth.Request{TokenURL: s.URL, Grant: site.ClientCredentials, ClientID: "id", Scopes: "a b", Secret: secret.New("s+&=%")}
}

func saying(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestFetch(t *testing.T) {
	var got *http.Request
	r := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		got = r
		saying(200, "application/json", `{"access_token":"ey.J~x/+=","token_type":"bearer","expires_in":3599,"ext_expires_in":3599}`)(w, r)
	})
	token, err := oauth.Client{}.Fetch(t.Context(), r)
	if err != nil || token.Reveal() != "ey.J~x/+=" {
		t.Fatalf("got %q, %v", token.Reveal(), err)
	}
	if got.Method != http.MethodPost || got.Header.Get("Authorization") != "" || got.Header.Get("Accept") != "application/json" || !got.Close {
		t.Errorf("got method %s with %v", got.Method, got.Header)
	}
	if want := "client_id=id&client_secret=s%2B%26%3D%25&grant_type=client_credentials&scope=a+b"; got.PostForm.Encode() != want {
		t.Errorf("got form %s", got.PostForm.Encode())
	}
}

// TestRefusals are answers that hold no token, Microsoft's texts among them (Microsoft Entra, AADSTS error codes).
func TestRefusals(t *testing.T) {
	const json = "application/json; charset=utf-8"
	for name, c := range map[string]struct {
		status     int
		mediaType  string
		body, want string
	}{
		"Microsoft": {
			401, json, `{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys for app 'x' are expired.\r\nTrace ID: t\r\nCorrelation ID: c\r\nTimestamp: 2026-11-30 12:00:00Z","error_codes":[7000222]}`,
			"token endpoint answered 401 invalid_client: AADSTS7000222: The provided client secret keys for app 'x' are expired. (Correlation ID c)",
		},
		"CodeOnly":                  {401, json, `{"error":"invalid_client"}`, "token endpoint answered 401 invalid_client"},
		"ErrorWith200":              {200, json, `{"error":"bad_verification_code"}`, "token endpoint answered 200 bad_verification_code"},
		"Redirect":                  {302, "text/html", "", "token endpoint answered 302: a redirect, which is not followed"},
		"KeepsPOST":                 {307, "text/html", "", "token endpoint answered 307: a redirect, which is not followed"},
		"Page":                      {404, "text/html; charset=utf-8", "<html>", "token endpoint answered 404: not the JSON of a token endpoint, but text/html"},
		"Nothing":                   {200, "", "", "token endpoint answered 200: not the JSON of a token endpoint"},
		"NoToken":                   {200, json, `{"token_type":"Bearer"}`, "token endpoint answered 200: no access token that can be used"},
		"TokenWithControlCharacter": {200, json, `{"access_token":"a\u0001auth=x"}`, "token endpoint answered 200: no access token that can be used"},
		"TokenOfWords":              {200, json, `{"access_token":"a b"}`, "token endpoint answered 200: no access token that can be used"},
		"TokenTooLong":              {200, json, `{"access_token":"` + strings.Repeat("x", 8<<10+1) + `"}`, "token endpoint answered 200: no access token that can be used"},
		"AnotherType":               {200, json, `{"access_token":"x","token_type":"mac"}`, "token endpoint answered 200: a token of another type than Bearer"},
		"Down":                      {503, json, `{}`, "token endpoint answered 503"},
		"Endless":                   {200, json, strings.Repeat(" ", 64<<10+1), "token endpoint answered 200: more than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			r := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
				asked++
				w.Header().Set("Location", "/elsewhere")
				saying(c.status, c.mediaType, c.body)(w, r)
			})
			_, err := oauth.Client{}.Fetch(t.Context(), r)
			if refused, ok := errors.AsType[*oauth.Error](err); !ok || refused.Error() != c.want || refused.Status != c.status {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if asked != 1 {
				t.Errorf("got %d requests, want 1", asked)
			}
		})
	}
}

func TestTokenURL(t *testing.T) {
	for address, fits := range map[string]bool{
		"https://login.microsoftonline.com/client.example/oauth2/v2.0/token": true,
		"https://login.example.test:8443/token?tenant=x":                     true,
		"http://127.0.0.1:8080/token":                                        true,
		"http://localhost/token":                                             true,
		"http://[::1]:8080/token":                                            true,
		"http://login.example.test/token":                                    false,
		"http://localhost.example.test/token":                                false,
		"https://user:password@login.example.test/token":                     false,
		"https://login.example.test/token#here":                              false,
		"https://login.example.test/token#":                                  false,
		"https:///token":                                                     false,
		"login.example.test/token":                                           false,
		"ftp://login.example.test/token":                                     false,
		"ftp://127.0.0.1/token":                                              false,
		"https://login.example.test/\x01":                                    false,
		"https://login.example.test/\u2028":                                  false,
		"":                                                                   false,
		"https://login.example.test/" + strings.Repeat("x", 2048-27):         true,
		"https://login.example.test/" + strings.Repeat("x", 2049-27):         false,
	} {
		if err := oauth.CheckTokenURL(address); (err == nil) != fits {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// TestSilentEndpoint takes as long as the caller allows, in headers and in the body, and not longer.
func TestSilentEndpoint(t *testing.T) {
	for name, says := range map[string]string{"Silence": "", "HalfHeader": "HTTP/1.1 200", "HalfBody": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				theirs := make(chan net.Conn, 1)
				dial := func(context.Context, string, string) (net.Conn, error) {
					ours, other := net.Pipe()
					theirs <- other
					return ours, nil
				}
				go func() {
					conn := <-theirs
					_, _ = conn.Read(make([]byte, 4096))
					_, _ = conn.Write([]byte(says))
					_, _ = conn.Read(make([]byte, 4096))
					_ = conn.Close()
				}()
				start := time.Now()
				_, err := oauth.Client{DialContext: dial}.Fetch(ctx, oauth.Request{
					TokenURL: "http://127.0.0.1/token", Grant: site.ClientCredentials, ClientID: "id", Secret: secret.New("s3cret"),
				})
				if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != 10*time.Second {
					t.Errorf("got %v after %s", err, took)
				}
			})
		})
	}
}

// TestCertificateOfTheEndpoint: the secret goes to nobody whose certificate is not trusted.
func TestCertificateOfTheEndpoint(t *testing.T) {
	asked := 0
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		saying(200, "application/json", `{"access_token":"x"}`)(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	r := oauth.Request{TokenURL: s.URL, Grant: site.ClientCredentials, ClientID: "id", Secret: secret.New("s3cret")}
	if _, err := (oauth.Client{}).Fetch(t.Context(), r); err == nil || !strings.Contains(err.Error(), "certificate") || asked != 0 {
		t.Errorf("got %v after %d requests", err, asked)
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	if token, err := (oauth.Client{RootCAs: roots}).Fetch(t.Context(), r); err != nil || token.Reveal() != "x" {
		t.Errorf("got %v", err)
	}
}

// TestAddressOfTheEndpoint: what Control refuses gets no request.
func TestAddressOfTheEndpoint(t *testing.T) {
	asked := 0
	r := endpoint(t, func(http.ResponseWriter, *http.Request) { asked++ })
	seen := ""
	control := func(_, address string, _ syscall.RawConn) error {
		seen = address
		return errors.New("not allowed")
	}
	_, err := oauth.Client{Control: control}.Fetch(t.Context(), r)
	if err == nil || !strings.Contains(err.Error(), "not allowed") || "http://"+seen != r.TokenURL || asked != 0 {
		t.Errorf("judged %q, asked %d times: %v", seen, asked, err)
	}
}

// TestErrorsHideTheSecret, whatever failed.
func TestErrorsHideTheSecret(t *testing.T) {
	r := oauth.Request{TokenURL: "http://127.0.0.1:1/token", Grant: site.ClientCredentials, ClientID: "id", Secret: secret.New("s3cret")}
	_, err := oauth.Client{}.Fetch(t.Context(), r)
	if err == nil || strings.Contains(fmt.Sprintf("%v %+v %#v %+v", err, err, err, r), "s3cret") {
		t.Errorf("got %#v", err)
	}
}

// TestLongestAnswer: the longest token that fits on a line of AUTH is accepted, in the longest response that is read.
func TestLongestAnswer(t *testing.T) {
	want := strings.Repeat("x", 8<<10)
	answer := `{"access_token":"` + want + `"}`
	r := endpoint(t, saying(200, "application/json", answer+strings.Repeat(" ", 64<<10-len(answer))))
	if token, err := (oauth.Client{}).Fetch(t.Context(), r); err != nil || token.Reveal() != want {
		t.Errorf("got %d characters, %v", len(token.Reveal()), err)
	}
}
