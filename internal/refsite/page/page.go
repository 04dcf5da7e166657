// Package page is the admin page of a site, for people: log in, save, test, enable. It is rendered on the server and
// works without JavaScript. Every rule about mail is that of package core; this package shows and asks.
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

// maxBody is how many bytes a form may have.
const maxBody = 64 << 10

// Page serves the admin page of every site.
type Page struct {
	Sites *core.Core
	Guard *access.Guard
	Log   *slog.Logger
	// BehindProxy says that a proxy terminates TLS and names the client in the last element of X-Forwarded-For.
	BehindProxy bool
	// Hosts are the names that the page answers to besides IP addresses and localhost.
	Hosts []string
	Now   func() time.Time
}

// visit is one request for the page of a site. Its error becomes a page that says what is wrong.
type visit struct {
	*Page
	w    http.ResponseWriter
	r    *http.Request
	site *core.Site
	// user is whose session it is; empty before the login.
	user string
}

// Handler returns what serves /{site}/admin and the steps below.
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

// surround does for every visit what no single one may forget.
func (p *Page) surround(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "+
			"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
		// Without its origin, a form could not prove where it comes from in browsers that send no Sec-Fetch-Site.
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
			return v.askLogin(http.StatusUnauthorized, "", "Your session has ended. Nothing was changed; log in to go on.")
		}
		return do(v)
	})
}

// enter finds the site, who visits it, and reads the form.
func (p *Page) enter(w http.ResponseWriter, r *http.Request) (visit, error) {
	v := visit{Page: p, w: w, r: r}
	var err error
	if v.site, err = p.Sites.Site(r.PathValue("site")); err != nil {
		return v, err
	}
	if err := r.ParseForm(); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return v, problem.New(problem.TooLarge, "The form is larger than any that this page has.")
		}
		return v, problem.New(problem.Malformed, "The form cannot be read.")
	}
	v.user, err = v.whoIs()
	return v, err
}

func (v visit) goBack() error { return v.redirect("") }

// redirect leads back to the page, so that reloading it repeats nothing.
func (v visit) redirect(rest string) error {
	http.Redirect(v.w, v.r, v.base()+rest, http.StatusSeeOther) //nolint:gosec // base is the name of a site that exists
	return nil
}

func (v visit) base() string { return "/" + v.site.Name() + "/admin" }

// fail answers with a page that holds nothing but what went wrong.
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
