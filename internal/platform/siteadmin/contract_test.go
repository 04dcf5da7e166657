package siteadmin_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
)

// contract is openapi.yaml.
var contract = load()

type document struct {
	spec   *openapi3.T
	router routers.Router
}

func load() document {
	spec, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	if err == nil {
		err = spec.Validate(context.Background(), openapi3.IsOpenAPI31OrLater())
	}
	if err != nil {
		panic(err)
	}
	router, err := legacy.NewRouter(spec, openapi3.IsOpenAPI31OrLater())
	if err != nil {
		panic(err)
	}
	return document{spec, router}
}

// request returns an error unless r, whose body has been read, is one that the contract describes.
func (d document) request(r *http.Request, body []byte) (*openapi3filter.RequestValidationInput, error) {
	_, below, _ := strings.Cut(r.URL.Path, "/admin/api/v1")
	asked := r.Clone(r.Context())
	asked.URL, asked.Host = &url.URL{Scheme: "https", Host: "site.example", Path: "/admin/api/v1" + below}, "site.example"
	asked.Body = io.NopCloser(bytes.NewReader(body))
	route, params, err := d.router.FindRoute(asked)
	if err != nil {
		return nil, err
	}
	input := &openapi3filter.RequestValidationInput{Request: asked, PathParams: params, Route: route, Options: &openapi3filter.Options{
		AuthenticationFunc: bearer, IncludeResponseStatus: true, SkipSettingDefaults: true,
	}}
	return input, openapi3filter.ValidateRequest(r.Context(), input)
}

// bearer wants a bearer token wherever the contract asks for one.
func bearer(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	if !strings.HasPrefix(in.RequestValidationInput.Request.Header.Get("Authorization"), "Bearer ") {
		return in.NewError(http.ErrNoCookie)
	}
	return nil
}

// guard fails the test for each request that the contract does not describe. Values that are not allowed are for the
// site to find: such a request must be refused.
func (d document) guard(t adminapitest.T, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read the body: %v", err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		seen := &status{ResponseWriter: w}
		next.ServeHTTP(seen, r)
		if _, err := d.request(r, body); err != nil && seen.code < 400 {
			t.Errorf("%s %s is not in the contract: %v", r.Method, r.URL.Path, err)
		}
	})
}

type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// answer returns an error unless h answers the request as the contract allows.
func (d document) answer(r *http.Request, body []byte, h http.HandlerFunc) error {
	input, err := d.request(r, body)
	if err != nil {
		return err
	}
	recorded := httptest.NewRecorder()
	h(recorded, r)
	response := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: recorded.Code, Header: recorded.Header(), Options: input.Options,
	}
	return openapi3filter.ValidateResponse(r.Context(), response.SetBodyBytes(recorded.Body.Bytes()))
}
