//go:build linux && wordpress

package wordpresstest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// contract is openapi.yaml, and what of it the tests have seen.
var contract = load("../platform/siteadmin/openapi.yaml")

type document struct {
	spec   *openapi3.T
	router routers.Router
	mu     sync.Mutex
	seen   map[string]bool
}

func load(file string) *document {
	spec, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		panic(err)
	}
	router, err := legacy.NewRouter(spec, openapi3.IsOpenAPI31OrLater())
	if err != nil {
		panic(err)
	}
	return &document{spec: spec, router: router, seen: map[string]bool{}}
}

// check compares one exchange with the contract: path is below its base, body what was sent.
func (d *document) check(r *http.Request, path string, body []byte, got answer) error {
	asked := r.Clone(r.Context())
	asked.URL, asked.Host = &url.URL{Scheme: "https", Host: "site.example", Path: "/admin/api/v1" + path}, "site.example"
	asked.Body = io.NopCloser(bytes.NewReader(body))
	if got.status >= http.StatusBadRequest {
		if err := d.checkProblem(got); err != nil {
			return err
		}
	}
	route, params, err := d.router.FindRoute(asked)
	if err != nil {
		return nil //nolint:nilerr // the contract says of other addresses only that they answer with a problem
	}
	d.mu.Lock()
	d.seen[fmt.Sprintf("%s %d", route.Operation.OperationID, got.status)] = true
	d.mu.Unlock()
	request := &openapi3filter.RequestValidationInput{Request: asked, PathParams: params, Route: route, Options: &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, SkipSettingDefaults: true,
	}}
	if err := openapi3filter.ValidateRequest(r.Context(), request); err != nil && got.status < http.StatusBadRequest {
		return fmt.Errorf("a request was accepted that the contract refuses: %w", err)
	}
	response := &openapi3filter.ResponseValidationInput{RequestValidationInput: request, Status: got.status, Header: got.header, Options: request.Options}
	if err := openapi3filter.ValidateResponse(r.Context(), response.SetBodyBytes(got.raw)); err != nil {
		return err
	}
	return d.checkMembers(route, got)
}

func (d *document) checkProblem(got answer) error {
	if contentType := got.header.Get("Content-Type"); contentType != "application/problem+json" || got.object["status"] != float64(got.status) {
		return fmt.Errorf("a problem of type %q and status %v", contentType, got.object["status"])
	}
	var value any
	if err := json.Unmarshal(got.raw, &value); err != nil {
		return err
	}
	return d.spec.Components.Schemas["Problem"].Value.VisitJSON(value, openapi3.EnableJSONSchema2020())
}

// checkMembers refuses members that the contract does not know: what is not described could be a secret.
func (d *document) checkMembers(route *routers.Route, got answer) error {
	documented := route.Operation.Responses.Status(got.status)
	if documented == nil {
		documented = route.Operation.Responses.Default()
	}
	mediaType, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
	known := documented.Value.Content[mediaType].Schema.Value.Properties
	for _, name := range slices.Sorted(maps.Keys(got.object)) {
		if known[name] == nil {
			return fmt.Errorf("member %q is not in the contract", name)
		}
	}
	return nil
}

// unprovoked are answers that the contract allows and the plugin never gives: it limits test messages only, and logins
// are WordPress'.
func unprovoked(operation, status string) bool {
	return operation == "createSession" || status == "default" || status == "429" && operation != "putTest"
}

// complete returns an error unless every answer of the contract was seen.
func (d *document) complete() error {
	var missing []string
	for _, item := range d.spec.Paths.Map() {
		for _, operation := range item.Operations() {
			for status := range operation.Responses.Map() {
				if name := operation.OperationID + " " + status; !d.seen[name] && !unprovoked(operation.OperationID, status) {
					missing = append(missing, name)
				}
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return fmt.Errorf("no test saw %s", strings.Join(missing, ", "))
}
