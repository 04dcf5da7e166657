// Package contracttest checks exchanges between a client and a site against the site admin contract, openapi.yaml of package
// siteadmin.
package contracttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

const (
	// basePath is the path of the API.
	basePath = "/admin/api/v1"
	// problemType is the media type of every refusal (RFC 9457 section 3).
	problemType = "application/problem+json"
)

// Document is the contract.
type Document struct {
	spec   *openapi3.T
	router routers.Router
	known  sync.Map
}

// Load reads the contract from openapi.yaml.
func Load(openapi []byte) (*Document, error) {
	spec, err := openapi3.NewLoader().LoadFromData(openapi)
	if err != nil {
		return nil, err
	}
	if err := spec.Validate(context.Background(), openapi3.IsOpenAPI31OrLater()); err != nil {
		return nil, err
	}
	router, err := legacy.NewRouter(spec, openapi3.IsOpenAPI31OrLater())
	return &Document{spec: spec, router: router}, err
}

// IsNew reports whether no earlier exchange had the same error. One contradiction between a site and the contract, such as a missing
// member, shows in hundreds of exchanges, but should be reported once.
func (d *Document) IsNew(err error) bool {
	_, known := d.known.LoadOrStore(err.Error(), true)
	return !known
}

// Answers lists the responses that the contract describes, named as by [Document.Check], except for default responses.
func (d *Document) Answers() []string {
	var all []string
	for _, item := range d.spec.Paths.Map() {
		for _, operation := range item.Operations() {
			for status := range operation.Responses.Map() {
				if status != "default" {
					all = append(all, operation.OperationID+" "+status)
				}
			}
		}
	}
	slices.Sort(all)
	return all
}

// Exchange is a request and its response.
type Exchange struct {
	Request *http.Request
	// Path is the request's path below basePath, such as /smtp; Body is the request's body.
	Path string
	Body []byte
	// Status, Header and Answer are the response.
	Status int
	Header http.Header
	Answer []byte
}

// Check returns the response's name in the contract, such as "putSMTP 412", and an error unless the contract allows it. Requests that
// the contract does not allow must be refused. For a request outside the contract, the name is empty and the response must be a problem
// document.
func (d *Document) Check(e Exchange) (name string, err error) {
	asked := e.Request.Clone(e.Request.Context())
	asked.URL, asked.Host = &url.URL{Scheme: "https", Host: "site.example", Path: basePath + e.Path}, "site.example"
	asked.Body = io.NopCloser(bytes.NewReader(e.Body))
	route, params, err := d.router.FindRoute(asked)
	if err != nil {
		return "", d.checkProblem(e)
	}
	name = fmt.Sprintf("%s %d", route.Operation.OperationID, e.Status)
	request := &openapi3filter.RequestValidationInput{Request: asked, PathParams: params, Route: route, Options: &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, SkipSettingDefaults: true,
	}}
	if e.Status < http.StatusMultipleChoices {
		if err := openapi3filter.ValidateRequest(asked.Context(), request); err != nil {
			return name, fmt.Errorf("accepted a request that the contract refuses: %w", err)
		}
	} else if err := d.checkProblem(e); err != nil {
		return name, err
	}
	response := &openapi3filter.ResponseValidationInput{RequestValidationInput: request, Status: e.Status, Header: e.Header, Options: request.Options}
	if err := openapi3filter.ValidateResponse(asked.Context(), response.SetBodyBytes(e.Answer)); err != nil {
		return name, err
	}
	return name, checkAnswer(route, e)
}

// checkProblem checks a problem document, even one that belongs to no operation.
func (d *Document) checkProblem(e Exchange) error {
	got := e.Header.Get("Content-Type")
	if mediaType, _, err := mime.ParseMediaType(got); err != nil || mediaType != problemType {
		return fmt.Errorf("content type %q, want %s", got, problemType)
	}
	var value any
	if err := json.Unmarshal(e.Answer, &value); err != nil {
		return err
	}
	if object, _ := value.(map[string]any); object["status"] != float64(e.Status) {
		return fmt.Errorf("a problem with status %v in a response with status %d", object["status"], e.Status)
	}
	return d.spec.Components.Schemas["Problem"].Value.VisitJSON(value, openapi3.EnableJSONSchema2020())
}

// checkAnswer refuses members that are not in the contract: an undescribed member could be a secret.
func checkAnswer(route *routers.Route, e Exchange) error {
	var got any
	if err := json.Unmarshal(e.Answer, &got); err != nil {
		return err
	}
	documented := route.Operation.Responses.Status(e.Status)
	if documented == nil {
		documented = route.Operation.Responses.Default()
	}
	return checkMembers("", got, forms(documented.Value.Content.Get(e.Header.Get("Content-Type")).Schema))
}

// checkMembers checks a value, which may have any of these forms, and everything below it. name is its path.
func checkMembers(name string, value any, forms []*openapi3.Schema) error {
	switch value := value.(type) {
	case map[string]any:
		for _, member := range slices.Sorted(maps.Keys(value)) {
			known := below(forms, func(s *openapi3.Schema) *openapi3.SchemaRef { return s.Properties[member] })
			if len(known) == 0 {
				return fmt.Errorf("member %q is not in the contract", name+member)
			}
			if err := checkMembers(name+member+".", value[member], known); err != nil {
				return err
			}
		}
	case []any:
		items := below(forms, func(s *openapi3.Schema) *openapi3.SchemaRef { return s.Items })
		for _, item := range value {
			if err := checkMembers(name, item, items); err != nil {
				return err
			}
		}
	}
	return nil
}

// forms returns a schema and its alternatives (oneOf).
func forms(ref *openapi3.SchemaRef) []*openapi3.Schema {
	all := []*openapi3.Schema{ref.Value}
	for _, one := range ref.Value.OneOf {
		all = append(all, forms(one)...)
	}
	return all
}

// below returns the forms of a part of a value with the forms of.
func below(of []*openapi3.Schema, where func(*openapi3.Schema) *openapi3.SchemaRef) []*openapi3.Schema {
	var all []*openapi3.Schema
	for _, s := range of {
		if ref := where(s); ref != nil {
			all = append(all, forms(ref)...)
		}
	}
	return all
}
