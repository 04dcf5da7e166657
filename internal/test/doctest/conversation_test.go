package doctest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/test/contracttest"
)

// conversation sends the requests in the "http" blocks of a guide to a site, and compares the responses. A response with "…" omits
// members.
type conversation struct {
	*place
	contract *contracttest.Document
	names    *names
}

func newConversation(t *testing.T, p *place) *conversation {
	t.Helper()
	contract, err := contracttest.Load([]byte(read(t, "internal/platform/siteadmin/openapi.yaml").text))
	if err != nil {
		t.Fatal(err)
	}
	return &conversation{p, contract, &names{}}
}

func (c *conversation) hold(d document) {
	c.t.Helper()
	var got contracttest.Exchange
	calls := 0
	for _, b := range d.blocks(c.t) {
		switch where := fmt.Sprintf("%s:%d", d.name, b.line); {
		case b.lang != "http":
		case strings.HasPrefix(b.text, "HTTP/"):
			c.answered(where, b.text, got)
		default:
			got = c.call(where, c.names.here(b.text))
			calls++
		}
	}
	if calls == 0 {
		c.t.Errorf("%s shows no requests", d.name)
	}
}

// call sends a request as written, with the site's token.
func (c *conversation) call(where, text string) contracttest.Exchange {
	c.t.Helper()
	line, rest, _ := strings.Cut(text, "\n")
	method, path, _ := strings.Cut(line, " ")
	head, body, _ := strings.Cut(rest, "\n\n")
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+"/admin/api/v1"+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatalf("%s: %v", where, err)
	}
	if path != "/session" {
		r.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	}
	for header := range strings.Lines(head) {
		name, value, _ := strings.Cut(strings.TrimSpace(header), ": ")
		if name != "" {
			r.Header.Set(name, value)
		}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatalf("%s: %v", where, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("%s: %v", where, err)
	}
	e := contracttest.Exchange{Request: r, Path: path, Body: []byte(body), Status: resp.StatusCode, Header: resp.Header, Answer: answer}
	if _, err := c.contract.Check(e); err != nil {
		c.t.Errorf("%s: %v", where, err)
	}
	return e
}

// answered checks that a response is as written.
func (c *conversation) answered(where, text string, got contracttest.Exchange) {
	c.t.Helper()
	whole := strings.Replace(text, "  …\n", "", 1)
	want, err := http.ReadResponse(bufio.NewReader(strings.NewReader(strings.Replace(whole, "\n\n", "\nConnection: close\n\n", 1))), nil)
	if err != nil {
		c.t.Fatalf("%s: %v", where, err)
	}
	defer want.Body.Close()
	if want.StatusCode != got.Status {
		c.t.Fatalf("%s shows status %d, but the site answered %d\n%s", where, want.StatusCode, got.Status, got.Answer)
	}
	want.Header.Del("Connection")
	for name := range want.Header {
		if want.Header.Get(name) != got.Header.Get(name) {
			c.t.Errorf("%s: the site sent another header %s: %q", where, name, got.Header.Get(name))
		}
	}
	var shown, is map[string]any
	if err := json.NewDecoder(want.Body).Decode(&shown); err != nil {
		c.t.Fatalf("%s: %v", where, err)
	}
	if err := json.NewDecoder(bytes.NewReader(got.Answer)).Decode(&is); err != nil {
		c.t.Fatalf("%s: %v", where, err)
	}
	c.names.learnObject(shown, is)
	c.same(where, shown, is, whole == text)
}

// same compares a documented value with the real one. Unless exactly is true, members may be omitted.
func (c *conversation) same(where string, shown, is map[string]any, exactly bool) {
	c.t.Helper()
	for member, want := range shown {
		inner, isObject := want.(map[string]any)
		if got, both := is[member].(map[string]any); isObject && both {
			c.same(where+" "+member, inner, got, true)
		} else if got, want := fmt.Sprint(is[member]), c.names.here(fmt.Sprint(want)); got != want {
			c.t.Errorf("%s: %s is %s, want %s", where, member, got, want)
		}
	}
	if exactly && len(shown) != len(is) {
		c.t.Errorf("%s shows %d of %d members: %v", where, len(shown), len(is), is)
	}
}
