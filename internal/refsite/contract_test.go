package refsite_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/sitemail/terraform-provider-smtp/internal/test/contracttest"
)

const (
	contractFile = "../platform/siteadmin/openapi.yaml"
	apiPath      = "/admin/api/v1"
)

// contract is openapi.yaml, and what of it the tests have seen.
var contract = load()

type document struct {
	*contracttest.Document

	mu   sync.Mutex
	seen map[string]bool
}

func load() *document {
	openapi, err := os.ReadFile(contractFile)
	if err != nil {
		panic(err)
	}
	d, err := contracttest.Load(openapi)
	if err != nil {
		panic(err)
	}
	return &document{Document: d, seen: map[string]bool{}}
}

// unprovoked are answers that the contract allows and the reference site never gives: it limits logins and test
// messages, not other calls.
var unprovoked = []string{
	"getSite 429", "getSMTP 429", "putSMTP 429", "deleteSMTP 429", "getTest 429", "getPresets 429",
}

// see remembers an answer by its operation and status.
func (d *document) see(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[name] = true
}

// report writes what was seen.
func (d *document) report(w io.Writer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name := range d.seen {
		fmt.Fprintln(w, seenPrefix+name)
	}
}

// unseen lists the documented answers that no test has seen, "default" aside.
func (d *document) unseen() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(d.Answers(), func(name string) bool { return d.seen[name] || slices.Contains(unprovoked, name) })
}

// checked is a RoundTripper that fails the test for an answer that the contract does not allow, and for a request that was
// accepted and that the contract does not allow; for the same contradiction once in a process.
type checked struct {
	t interface {
		Errorf(format string, args ...any)
	}
	next http.RoundTripper
	// answers get all that came back.
	answers io.Writer
	// again is for a t that runs the same requests again to find out what fails.
	again bool
}

func (c checked) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := readAndClose(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	resp, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer, err := readAndClose(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	fmt.Fprintf(c.answers, "%v\n%s\n", resp.Header, answer)
	if _, below, ok := strings.Cut(r.URL.Path, apiPath); ok {
		if err := contract.check(r, below, body, resp, answer); err != nil && (c.again || contract.IsNew(err)) {
			c.t.Errorf("%s %s: %d\n%s\n%v", r.Method, r.URL.Path, resp.StatusCode, answer, err)
		}
	}
	return resp, nil
}

func readAndClose(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	defer body.Close()
	return io.ReadAll(body)
}

// check compares one exchange with the contract; below is the path below the base.
func (d *document) check(r *http.Request, below string, body []byte, resp *http.Response, answer []byte) error {
	if r.Method == http.MethodHead {
		return nil
	}
	name, err := d.Check(contracttest.Exchange{
		Request: r, Path: below, Body: body, Status: resp.StatusCode, Header: resp.Header, Answer: answer,
	})
	if name != "" {
		d.see(name)
	}
	return err
}
