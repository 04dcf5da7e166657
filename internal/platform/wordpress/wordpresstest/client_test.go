//go:build linux && wordpress

package wordpresstest_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"reflect"
	"testing"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/platform/wordpress/wordpresstest"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

const (
	basePath  = "/wp-json/site-smtp/v1"
	mailer    = "mailer@example.com"
	recipient = "ops@example.com"
	// canary is in every password that must show nowhere.
	canary = "c4nary"
)

// object is a JSON object.
type object = map[string]any

// client sends requests to one site, which has its own mail server.
type client struct {
	*testing.T
	*wordpresstest.Site
	mail *smtptest.Server
	// password is that of mailer at the mail server.
	password string
	// token is what it logs in with, empty for an Application Password.
	token string
	// base is what paths are appended to.
	base string
	http *http.Client
}

// start returns a site that was never configured.
func start(t *testing.T) *client {
	t.Helper()
	return startWith(t, smtptest.Config{})
}

// startWith returns a site with a mail server configured by c, which has the account mailer.
func startWith(t *testing.T, c smtptest.Config) *client {
	t.Helper()
	password := canary + uuid.NewString()
	c.CA, c.Users = cmp.Or(c.CA, ca), map[string]secret.Text{mailer: secret.New(password)}
	site := wordpress.Site(t)
	calls := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(calls.CloseIdleConnections)
	return &client{T: t, Site: site, mail: smtptest.Start(t, c), password: password, base: site.URL + basePath, http: calls}
}

// settings returns settings that pass a test, with the given changes.
func (c *client) settings(changes object) object {
	s := object{
		"host": c.mail.Host(), "port": c.mail.Port(), "encryption": string(site.STARTTLS), "username": mailer,
		"from_address": mailer, "from_name": "Client A", "helo_name": "client-a.example.com",
	}
	maps.Copy(s, changes)
	return s
}

// candidate returns the body of a test that passes.
func (c *client) candidate() object {
	return object{"settings": c.settings(nil), "password": c.password, "recipient": recipient}
}

// answer is a response.
type answer struct {
	status int
	header http.Header
	raw    []byte
	object
}

// call sends a request. The body is an object, a string or nil; headers are pairs, and an empty value removes a header.
func (c *client) call(method, path string, body any, headers ...string) answer {
	c.Helper()
	got, err := c.try(c.Context(), method, path, body, headers...)
	if err != nil {
		c.Fatal(err)
	}
	return got
}

func (c *client) try(ctx context.Context, method, path string, body any, headers ...string) (answer, error) {
	payload, err := encode(body)
	if err != nil {
		return answer{}, err
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(payload))
	if err != nil {
		return answer{}, err
	}
	r.SetBasicAuth(c.Username, c.Password.Reveal())
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	got := answer{status: resp.StatusCode, header: resp.Header}
	if got.raw, err = io.ReadAll(resp.Body); err != nil {
		return answer{}, err
	}
	if err := json.Unmarshal(got.raw, &got.object); err != nil {
		return answer{}, err
	}
	if bytes.Contains(got.raw, []byte(canary)) {
		c.Errorf("%s %s: the response shows a password: %s", method, path, got.raw)
	}
	if cache := got.header.Get("Cache-Control"); cache != "no-store" {
		c.Errorf("%s %s: got Cache-Control %s", method, path, cache)
	}
	if err := contract.check(r, path, payload, got); err != nil && contract.IsNew(err) {
		c.Errorf("%s %s: %d\n%s\n%v", method, path, got.status, got.raw, err)
	}
	return got, nil
}

func encode(body any) ([]byte, error) {
	switch body := body.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(body), nil
	default:
		return json.Marshal(body)
	}
}

// want fails the test unless the response has that status and, for a problem document, that code.
func (a answer) want(t testing.TB, status int, code string) answer {
	t.Helper()
	if got, _ := a.object["code"].(string); a.status != status || got != code {
		t.Fatalf("got %d %q, want %d %q: %s", a.status, got, status, code, a.raw)
	}
	return a
}

func (c *client) read() answer {
	c.Helper()
	return c.call(http.MethodGet, "/smtp", nil).want(c, http.StatusOK, "")
}

// etag returns the If-Match for the current revision.
func (c *client) etag() string {
	c.Helper()
	return `"` + c.read().object["revision"].(string) + `"`
}

// put saves with the current revision and, unless the body has one, a new write_id.
func (c *client) put(body object) answer {
	c.Helper()
	if body["write_id"] == nil {
		body["write_id"] = uuid.NewString()
	}
	return c.call(http.MethodPut, "/smtp", body, "If-Match", c.etag())
}

// test runs a test under a new key.
func (c *client) test(body object) answer {
	c.Helper()
	return c.call(http.MethodPut, newTest(), body)
}

func newTest() (path string) { return "/smtp/tests/" + uuid.NewString() }

// mustTest runs a test that must end with that status in that stage.
func (c *client) mustTest(changes object, status, stage string) answer {
	c.Helper()
	body := c.candidate()
	body["settings"] = c.settings(changes)
	if body["settings"].(object)["username"] == "" {
		delete(body, "password")
	}
	got := c.test(body).want(c, http.StatusOK, "")
	if got.object["status"] != status || got.object["stage"] != stage {
		c.Fatalf("want %s in stage %s: %s", status, stage, got.raw)
	}
	return got
}

// enable tests the settings and saves them enabled.
func (c *client) enable(changes object) answer {
	c.Helper()
	c.mustTest(changes, "passed", "data")
	body := object{"settings": c.settings(changes), "enabled": true}
	if body["settings"].(object)["username"] != "" {
		body["password"] = c.password
	}
	return c.put(body).want(c, http.StatusOK, "")
}

// unchanged makes sure that do does not change the site's settings.
func (c *client) unchanged(do func()) {
	c.Helper()
	before := c.read()
	do()
	equal(c, c.read().object, before.object)
}

// messages makes sure that the mail server accepts want messages during do.
func (c *client) messages(want int, do func()) {
	c.Helper()
	before := c.mail.Counters().Messages
	do()
	if got := c.mail.Counters().Messages - before; got != want {
		c.Fatalf("%d messages, want %d", got, want)
	}
}

func equal(t testing.TB, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
