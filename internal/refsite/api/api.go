// Package api serves the site admin contract (internal/platform/siteadmin/openapi.yaml) over HTTP: routes, wire types
// and strict JSON. The rules are in package core.
package api

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/access"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// Version is the version of the contract, api_version on the wire.
const Version = 1

// pageBase is the path of a site's admin page, base that of its API.
const (
	pageBase = "/{site}/admin"
	base     = pageBase + "/api/v1"
)

// API serves the contract for every site.
type API struct {
	Sites *core.Core
	Guard *access.Guard
	Log   *slog.Logger
	// BehindProxy is true if a proxy appends the client's address to X-Forwarded-For.
	BehindProxy bool
	// Hosts are the names that the API answers to besides IP addresses and localhost.
	Hosts []string
	// Page serves the admin page at /{site}/admin and one step below.
	Page http.Handler
}

// call is one authenticated request. Its error becomes a problem document.
type call struct {
	*API
	w    http.ResponseWriter
	r    *http.Request
	site *core.Site
	// by is the name of the token or user.
	by string
}

// Handler returns the handler that serves the contract below /<site>/admin/api/v1.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(base+"/session", a.methods(map[string]http.Handler{
		http.MethodPost: a.open(call.createSession),
	}))
	mux.Handle(base+"/site", a.methods(map[string]http.Handler{
		http.MethodGet: a.bearer(call.getSite),
	}))
	mux.Handle(base+"/smtp", a.methods(map[string]http.Handler{
		http.MethodGet:    a.bearer(call.getSMTP),
		http.MethodPut:    a.bearer(call.putSMTP),
		http.MethodDelete: a.bearer(call.deleteSMTP),
	}))
	mux.Handle(base+"/smtp/presets", a.methods(map[string]http.Handler{
		http.MethodGet: a.bearer(call.getPresets),
	}))
	mux.Handle(base+"/smtp/tests/{key}", a.methods(map[string]http.Handler{
		http.MethodGet: a.bearer(call.getTest),
		http.MethodPut: a.bearer(call.putTest),
	}))
	mux.Handle(pageBase, a.Page)
	mux.Handle(pageBase+"/{step}", a.Page)
	mux.HandleFunc("/", a.notFound)
	return a.surround(mux)
}

func (a *API) notFound(w http.ResponseWriter, r *http.Request) {
	a.fail(w, r, problem.New(problem.NotFound, "There is nothing at this address."))
}

// methods serves one resource; a handler for GET also answers HEAD.
func (a *API) methods(handlers map[string]http.Handler) http.Handler {
	var allow []string
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete} {
		if _, ok := handlers[method]; ok {
			allow = append(allow, method)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !access.AnswersTo(r.Host, a.Hosts) {
			a.fail(w, r, problem.New(problem.Misdirected, "This server does not answer to the name in the Host header; refsite serve -host NAME allows a name."))
			return
		}
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		if h, ok := handlers[method]; ok {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Allow", strings.Join(allow, ", "))
		a.fail(w, r, problem.New(problem.MethodNotAllowed, "This address takes only %s.", strings.Join(allow, ", ")))
	})
}

// open serves a request that needs no token.
func (a *API) open(do func(call) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := a.Sites.Site(r.PathValue("site"))
		if err == nil {
			err = do(call{API: a, w: w, r: r, site: s})
		}
		if err != nil {
			a.fail(w, r, err)
		}
	})
}

// bearer serves a request that needs a token of the site (RFC 6750 section 2.1).
func (a *API) bearer(do func(call) error) http.Handler {
	return a.open(func(c call) error {
		scheme, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return problem.New(problem.Unauthorized, "The request needs an Authorization header with a bearer token.")
		}
		by, err := a.Guard.Name(c.site.ID(), secret.New(token))
		if err != nil {
			return err
		}
		c.by = by
		return do(c)
	})
}
