//go:build linux && wordpress

package wordpresstest_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/sitemail/terraform-provider-smtp/internal/test/contracttest"
)

// contract is openapi.yaml, with the responses that the tests have seen.
var contract = load("../../siteadmin/openapi.yaml")

type document struct {
	*contracttest.Document
	mu   sync.Mutex
	seen map[string]bool
}

func load(file string) *document {
	openapi, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	d, err := contracttest.Load(openapi)
	if err != nil {
		panic(err)
	}
	return &document{Document: d, seen: map[string]bool{}}
}

// check compares one exchange with the contract. path is relative to its base, body is the request's.
func (d *document) check(r *http.Request, path string, body []byte, got answer) error {
	name, err := d.Check(contracttest.Exchange{Request: r, Path: path, Body: body, Status: got.status, Header: got.header, Answer: got.raw})
	if name != "" {
		d.mu.Lock()
		d.seen[name] = true
		d.mu.Unlock()
	}
	return err
}

// unprovoked reports whether the contract allows a response that the plugin never gives: it limits only test messages and guesses of the
// password, and WordPress handles logins.
func unprovoked(operation, status string) bool {
	return operation == "createSession" || status == "429" && operation != "putTest" && operation != "putSMTP"
}

// complete returns an error unless every response of the contract was seen.
func (d *document) complete() error {
	var missing []string
	for _, name := range d.Answers() {
		operation, status, _ := strings.Cut(name, " ")
		if !d.seen[name] && !unprovoked(operation, status) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("no test got the responses %s", strings.Join(missing, ", "))
}
