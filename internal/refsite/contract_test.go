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

// contract is openapi.yaml, with the responses that the tests have seen.
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

// unprovoked are responses that the contract allows but the reference site never sends: it limits logins and test messages, but no other
// requests.
var unprovoked = []string{
	"getSite 429", "getSMTP 429", "putSMTP 429", "deleteSMTP 429", "getTest 429", "getPresets 429",
}

// see records a response by its operation and status.
func (d *document) see(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[name] = true
}

// report writes the recorded responses.
func (d *document) report(w io.Writer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name := range d.seen {
		fmt.Fprintln(w, seenPrefix+name)
	}
}

// unseen lists the documented responses, except "default", that no test has seen.
func (d *document) unseen() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(d.Answers(), func(name string) bool { return d.seen[name] || slices.Contains(unprovoked, name) })
}

// checked is a RoundTripper that fails the test for a response, or an accepted request, that the contract does not allow. It reports each
// contradiction once per process.
type checked struct {
	t interface {
		Errorf(format string, args ...any)
	}
	next http.RoundTripper
	// answers receives all responses.
	answers io.Writer
	// again is true if t may run the same requests again, to shrink a failure.
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
