package refsite_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

const (
	contractFile = "../platform/siteadmin/openapi.yaml"
	apiPath      = "/admin/api/v1"
)

// contract is openapi.yaml, and what of it the tests have seen.
var contract = load()

type document struct {
	spec   *openapi3.T
	router routers.Router

	mu   sync.Mutex
	seen map[string]bool
}

func load() *document {
	spec, err := openapi3.NewLoader().LoadFromFile(contractFile)
	if err != nil {
		panic(err)
	}
	if err := spec.Validate(context.Background(), openapi3.IsOpenAPI31OrLater()); err != nil {
		panic(err)
	}
	router, err := legacy.NewRouter(spec, openapi3.IsOpenAPI31OrLater())
	if err != nil {
		panic(err)
	}
	return &document{spec: spec, router: router, seen: map[string]bool{}}
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
	var missing []string
	for _, item := range d.spec.Paths.Map() {
		for _, operation := range item.Operations() {
			for status := range operation.Responses.Map() {
				name := operation.OperationID + " " + status
				if status != "default" && !d.seen[name] && !slices.Contains(unprovoked, name) {
					missing = append(missing, name)
				}
			}
		}
	}
	slices.Sort(missing)
	return missing
}

// checked is a RoundTripper that fails the test for every answer that the contract does not allow, and for every
// request that was accepted and that the contract does not allow.
type checked struct {
	t    testing.TB
	next http.RoundTripper
	// answers get all that came back.
	answers io.Writer
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
		if err := contract.check(r, below, body, resp, answer); err != nil {
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
	asked := r.Clone(r.Context())
	asked.URL = &url.URL{Scheme: "https", Host: "site.example", Path: apiPath + below}
	asked.Host = "site.example"
	asked.Body = io.NopCloser(bytes.NewReader(body))
	if r.Method == http.MethodHead {
		return nil
	}
	route, params, err := d.router.FindRoute(asked)
	if err != nil {
		return d.checkProblem(resp, answer)
	}
	d.see(fmt.Sprintf("%s %d", route.Operation.OperationID, resp.StatusCode))
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, SkipSettingDefaults: true}
	request := &openapi3filter.RequestValidationInput{Request: asked, PathParams: params, Route: route, Options: options}
	if resp.StatusCode < 300 {
		if err := openapi3filter.ValidateRequest(r.Context(), request); err != nil {
			return fmt.Errorf("accepted a request that the contract refuses: %w", err)
		}
	} else if err := d.checkProblem(resp, answer); err != nil {
		return err
	}
	response := &openapi3filter.ResponseValidationInput{RequestValidationInput: request, Status: resp.StatusCode, Header: resp.Header, Options: options}
	if err := openapi3filter.ValidateResponse(r.Context(), response.SetBodyBytes(answer)); err != nil {
		return err
	}
	return checkMembers(answer, route, resp)
}

// checkProblem is for answers that belong to no operation, too.
func (d *document) checkProblem(resp *http.Response, answer []byte) error {
	var value any
	if err := json.Unmarshal(answer, &value); err != nil {
		return err
	}
	if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
		return fmt.Errorf("content type %q", got)
	}
	if status, _ := value.(map[string]any)["status"].(float64); int(status) != resp.StatusCode {
		return fmt.Errorf("a problem of status %v", status)
	}
	return d.spec.Components.Schemas["Problem"].Value.VisitJSON(value, openapi3.EnableJSONSchema2020())
}

// checkMembers refuses members that the contract does not know: what is not described could be a secret.
func checkMembers(answer []byte, route *routers.Route, resp *http.Response) error {
	var got map[string]any
	if err := json.Unmarshal(answer, &got); err != nil {
		return err
	}
	documented := route.Operation.Responses.Status(resp.StatusCode)
	if documented == nil {
		documented = route.Operation.Responses.Default()
	}
	mediaType, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	known := documented.Value.Content[mediaType].Schema.Value.Properties
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if known[name] == nil {
			return fmt.Errorf("member %q is not in the contract", name)
		}
	}
	return nil
}
