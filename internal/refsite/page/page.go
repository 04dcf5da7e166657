// Package page is the admin page of a site, for people: log in, save, test, enable. It is rendered on the server and works without
// JavaScript. All rules about mail are in package core.
package page

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/access"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/api"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
)

// maxBody is the maximum size of a form in bytes.
const maxBody = 64 << 10

// Page serves the admin page of every site.
type Page struct {
	Sites *core.Core
	Guard *access.Guard
	Log   *slog.Logger
	// BehindProxy is true if a proxy terminates TLS and appends the client's address to X-Forwarded-For.
	BehindProxy bool
	// Hosts are the names that the page answers to besides IP addresses and localhost.
	Hosts []string
	Now   func() time.Time
}

// visit is one request for the page of a site. Its error becomes an error page.
type visit struct {
	*Page
	w    http.ResponseWriter
	r    *http.Request
	site *core.Site
	// user is the username of the session; empty before the login.
	user string
}

// Handler returns the handler for /{site}/admin and the steps below it.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{site}/admin", p.open(visit.show))
	mux.Handle("GET /{site}/admin/{step}", p.open(visit.goBack))
	mux.Handle("POST /{site}/admin/login", p.open(visit.login))
	mux.Handle("POST /{site}/admin/logout", p.open(visit.logout))
	mux.Handle("POST /{site}/admin/save", p.inSession(visit.save))
	mux.Handle("POST /{site}/admin/test", p.inSession(visit.test))
	mux.Handle("POST /{site}/admin/switch", p.inSession(visit.turn))
	for name := range assets {
		mux.Handle("GET /{site}/admin/"+name, serveAsset(name))
	}
	sameOrigin := http.NewCrossOriginProtection()
	sameOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.refuse(w, http.StatusForbidden, "This form was sent from another site. Nothing was changed.")
	}))
	return p.surround(sameOrigin.Handler(mux))
}

// surround does what every visit needs: security headers, a check of the host, a limit of the body.
func (p *Page) surround(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "+
			"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
		// Browsers without Sec-Fetch-Site need the origin to prove where a form comes from.
		w.Header().Set("Referrer-Policy", "same-origin")
		if !access.AnswersTo(r.Host, p.Hosts) {
			p.refuse(w, http.StatusMisdirectedRequest, "This server has no page under that name.")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// open serves a visit that needs no session.
func (p *Page) open(do func(visit) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := p.enter(w, r)
		if err == nil {
			err = do(v)
		}
		if err != nil {
			p.fail(w, r, err)
		}
	})
}

// inSession serves a visit that needs a session; without one it changes nothing and asks for the login.
func (p *Page) inSession(do func(visit) error) http.Handler {
	return p.open(func(v visit) error {
		if v.user == "" {
			return v.askLogin(http.StatusUnauthorized, "", "Your session has ended. Nothing was changed; log in to continue.")
		}
		return do(v)
	})
}

// enter finds the site and the user, and reads the form.
func (p *Page) enter(w http.ResponseWriter, r *http.Request) (visit, error) {
	v := visit{Page: p, w: w, r: r}
	var err error
	if v.site, err = p.Sites.Site(r.PathValue("site")); err != nil {
		return v, err
	}
	if err := r.ParseForm(); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return v, problem.New(problem.TooLarge, "The form is too large.")
		}
		return v, problem.New(problem.Malformed, "The form cannot be read.")
	}
	v.user, err = v.whoIs()
	return v, err
}

func (v visit) goBack() error { return v.redirect("") }

// redirect leads back to the page, so that reloading it does not repeat the step.
func (v visit) redirect(rest string) error {
	http.Redirect(v.w, v.r, v.base()+rest, http.StatusSeeOther) //nolint:gosec // base is the name of a site that exists
	return nil
}

func (v visit) base() string { return "/" + v.site.Name() + "/admin" }

// fail responds with a page that shows only the error.
func (p *Page) fail(w http.ResponseWriter, r *http.Request, err error) {
	failure := problem.Of(err)
	status := api.Status(failure.Code)
	if status >= http.StatusInternalServerError {
		p.Log.Error("page failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	p.refuse(w, status, failure.Detail)
}

func (p *Page) refuse(w http.ResponseWriter, status int, text string) {
	render(w, status, "refused", struct{ Title, Text string }{http.StatusText(status), strings.TrimSpace(text)})
}
