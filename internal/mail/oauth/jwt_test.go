package oauth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/oauth"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// rsaKey generates one key for all tests, because that takes a moment.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// pkcs8 returns a private key as in Google's JSON file.
func pkcs8(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// serviceAccount starts a token endpoint and returns a request of a service account that fits it.
func serviceAccount(t *testing.T, answer http.HandlerFunc) oauth.Request {
	t.Helper()
	r := endpoint(t, answer)
	r.Grant, r.ClientID, r.Subject, r.Secret = site.JWTBearer, "mailer@project.example", "shop@client.example", secret.New(pkcs8(t, rsaKey()))
	return r
}

// TestServiceAccountSigns: a service account sends only what it has signed (RFC 7523 sections 2.1 and 3).
func TestServiceAccountSigns(t *testing.T) {
	var form map[string][]string
	r := serviceAccount(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		form = r.PostForm
		saying(200, "application/json", `{"access_token":"token"}`)(w, r)
	})
	token, err := oauth.Client{Now: func() time.Time { return now }}.Fetch(t.Context(), r)
	if err != nil || token.Reveal() != "token" {
		t.Fatalf("got %q, %v", token.Reveal(), err)
	}
	if len(form) != 2 || form["grant_type"][0] != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		t.Errorf("asked %v", form)
	}
	parts := strings.Split(form["assertion"][0], ".")
	if len(parts) != 3 {
		t.Fatalf("signed %q", form["assertion"])
	}
	decoded := make([][]byte, 3)
	for i, part := range parts {
		if decoded[i], err = base64.RawURLEncoding.DecodeString(part); err != nil {
			t.Fatal(err)
		}
	}
	var header, claims map[string]any
	if json.Unmarshal(decoded[0], &header) != nil || json.Unmarshal(decoded[1], &claims) != nil || header["alg"] != "RS256" {
		t.Errorf("signed %s.%s", decoded[0], decoded[1])
	}
	for claim, want := range map[string]any{
		"iss": r.ClientID, "sub": r.Subject, "aud": r.TokenURL, "scope": r.Scopes,
		"iat": float64(now.Add(-time.Minute).Unix()), "exp": float64(now.Add(10 * time.Minute).Unix()),
	} {
		if claims[claim] != want {
			t.Errorf("%s is %v, want %v", claim, claims[claim], want)
		}
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(&rsaKey().PublicKey, crypto.SHA256, digest[:], decoded[2]); err != nil {
		t.Error(err)
	}
}

// TestPrivateKeys: a key works as Google gives it, and as forms and copying change it.
func TestPrivateKeys(t *testing.T) {
	key := pkcs8(t, rsaKey())
	short, err := rsa.GenerateKey(rand.Reader, 2047)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey())}))
	for name, c := range map[string]struct {
		key  string
		fits bool
	}{
		"Google":           {key, true},
		"EscapedLines":     {strings.ReplaceAll(key, "\n", `\n`), true},
		"WithoutLines":     {strings.ReplaceAll(key, "\n", ""), true},
		"WindowsLines":     {"\n " + strings.ReplaceAll(key, "\n", "\r\n"), true},
		"Nothing":          {"", false},
		"WholeFile":        {`{"private_key": "` + key + `"}`, false},
		"WithoutBeginning": {strings.TrimPrefix(key, "-----BEGIN PRIVATE KEY-----"), false},
		"WithoutEnd":       {strings.TrimSuffix(strings.TrimSpace(key), "-----END PRIVATE KEY-----"), false},
		"CutShort":         {key[:len(key)/2] + "\n-----END PRIVATE KEY-----", false},
		"NotBase64":        {strings.Replace(key, "MII", "!!!", 1), false},
		"PKCS1":            {pkcs1, false},
		"EllipticCurve":    {pkcs8(t, curve), false},
		"TooShort":         {pkcs8(t, short), false},
	} {
		t.Run(name, func(t *testing.T) {
			err := oauth.CheckPrivateKey(secret.New(c.key))
			if (err == nil) != c.fits {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), key[40:60]) {
				t.Errorf("the error repeats the key: %v", err)
			}
			asked := 0
			r := serviceAccount(t, func(w http.ResponseWriter, r *http.Request) {
				asked++
				saying(200, "application/json", `{"access_token":"token"}`)(w, r)
			})
			r.Secret = secret.New(c.key)
			if _, err := (oauth.Client{}).Fetch(t.Context(), r); (err == nil) != c.fits || (asked == 1) != c.fits {
				t.Errorf("asked %d times: %v", asked, err)
			}
		})
	}
}

// TestClockOfTheEndpoint: if a signature is refused and the clocks differ by more than a signature allows, the error says by how much.
func TestClockOfTheEndpoint(t *testing.T) {
	const refusal = `{"error":"invalid_grant","error_description":"Invalid JWT"}`
	for name, c := range map[string]struct {
		grant site.Grant
		// date is the Date of the response; empty for none.
		date, says string
	}{
		"Same":         {site.JWTBearer, now.Format(http.TimeFormat), ""},
		"MinuteAhead":  {site.JWTBearer, now.Add(-time.Minute).Format(http.TimeFormat), ""},
		"Ahead":        {site.JWTBearer, now.Add(-61 * time.Second).Format(http.TimeFormat), " (the clock that signed is 1m1s ahead of the endpoint's)"},
		"Behind5":      {site.JWTBearer, now.Add(5 * time.Minute).Format(http.TimeFormat), ""},
		"Behind":       {site.JWTBearer, now.Add(5*time.Minute + time.Second).Format(http.TimeFormat), " (the clock that signed is 5m1s behind the endpoint's)"},
		"NoDate":       {site.JWTBearer, "", ""},
		"Unreadable":   {site.JWTBearer, "yesterday", ""},
		"NotSigned":    {site.ClientCredentials, now.Add(-time.Hour).Format(http.TimeFormat), ""},
		"YearsOfDrift": {site.JWTBearer, "Thu, 01 Jan 1970 00:00:00 GMT", " ahead of the endpoint's)"},
	} {
		t.Run(name, func(t *testing.T) {
			r := serviceAccount(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Date"] = nil
				if c.date != "" {
					w.Header().Set("Date", c.date)
				}
				saying(400, "application/json", refusal)(w, r)
			})
			r.Grant = c.grant
			_, err := oauth.Client{Now: func() time.Time { return now }}.Fetch(t.Context(), r)
			const begins = "token endpoint answered 400 invalid_grant: Invalid JWT"
			if err == nil || !strings.HasPrefix(err.Error(), begins) || !strings.HasSuffix(err.Error(), c.says) || c.says == "" && err.Error() != begins {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestErrorsHideAssertions: a signature is a secret until it expires, so an endpoint that repeats it is not repeated.
func TestErrorsHideAssertions(t *testing.T) {
	var sent string
	r := serviceAccount(t, func(w http.ResponseWriter, r *http.Request) {
		sent = r.PostFormValue("assertion")
		saying(400, "application/json", `{"error":"invalid_grant","error_description":"not accepted: `+sent+`, sorry"}`)(w, r)
	})
	_, err := oauth.Client{}.Fetch(t.Context(), r)
	if err == nil || sent == "" || !strings.HasSuffix(err.Error(), "not accepted: [redacted], sorry") {
		t.Errorf("got %v", err)
	}
}
