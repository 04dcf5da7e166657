package page

import (
	"net/http"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/access"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/api"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// isSecure reports whether browsers use HTTPS. Plain HTTP is allowed only on loopback addresses.
func (v visit) isSecure() bool { return v.r.TLS != nil || v.BehindProxy }

// cookieName returns the name of the session cookie. It includes the site, because sites share an origin. Over HTTPS, its prefix keeps
// other hosts and plain HTTP from setting the cookie (RFC 6265bis section 4.1.3.2).
func (v visit) cookieName() string {
	name := "session-" + v.site.Name()
	if v.isSecure() {
		name = "__Host-" + name
	}
	return name
}

// setCookie sets the session cookie, or removes it if expires is in the past.
func (v visit) setCookie(token secret.Text, expires time.Time) {
	http.SetCookie(v.w, &http.Cookie{ //nolint:gosec // Secure whenever HTTPS is used
		Name: v.cookieName(), Value: token.Reveal(), Path: "/", Expires: expires,
		Secure: v.isSecure(), HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

// token returns the token in the session cookie.
func (v visit) token() secret.Text {
	c, err := v.r.Cookie(v.cookieName())
	if err != nil {
		return secret.Text{}
	}
	return secret.New(c.Value)
}

// whoIs returns the username of the session, or "".
func (v visit) whoIs() (string, error) {
	user, err := v.Guard.User(v.site.ID(), v.token())
	if err != nil && problem.Of(err).Code == problem.Unauthorized {
		return "", nil
	}
	return user, err
}

// login opens a new session and ends the previous one.
func (v visit) login() error {
	username, password := v.r.PostForm.Get("username"), secret.New(v.r.PostForm.Get("password"))
	opened, err := v.Guard.Login(v.r.Context(), v.site.ID(), access.Client(v.r, v.BehindProxy), username, password)
	if err != nil {
		refused := problem.Of(err)
		if status := api.Status(refused.Code); status < http.StatusInternalServerError {
			return v.askLogin(status, username, sentence(refused.Detail)+again(refused.RetryAfter))
		}
		return err
	}
	if err := v.Guard.Logout(v.site.ID(), v.token()); err != nil {
		return err
	}
	v.setCookie(opened.Token, opened.ExpiresAt)
	return v.redirect("")
}

func (v visit) logout() error {
	if err := v.Guard.Logout(v.site.ID(), v.token()); err != nil {
		return err
	}
	v.setCookie(secret.Text{}, time.Unix(1, 0))
	return v.redirect("?done=logout")
}

// askLogin responds with the login form. username, which is filled in, and note may be empty.
func (v visit) askLogin(status int, username, note string) error {
	render(v.w, status, "login", struct {
		Site, Base, Note, Username string
		Refused                    bool
	}{v.site.Name(), v.base(), note, username, status >= http.StatusBadRequest})
	return nil
}
