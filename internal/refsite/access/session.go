package access

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// User returns whose session the token is, or an error of code Unauthorized. An API token is no session: it does not
// open the admin page.
func (g *Guard) User(siteID string, token secret.Text) (string, error) {
	t, err := g.token(siteID, token)
	if err == nil && !t.Session {
		err = problem.New(problem.Unauthorized, "The token is not that of a session.")
	}
	return t.Name, err
}

// Logout ends the session with that token, if it is one.
func (g *Guard) Logout(siteID string, token secret.Text) error {
	ended := sum(token)
	return g.store.UpdateSite(siteID, func(s *store.Site) error {
		if t, err := s.Token(ended); err == nil && t.Session {
			return s.DropToken(ended)
		}
		return nil // it has ended already, or never was one
	})
}

// Client is the address that a call comes from; invalid when it cannot be known. Behind a proxy it is what the proxy
// wrote: the last element of X-Forwarded-For.
func Client(r *http.Request, behindProxy bool) netip.Addr {
	if behindProxy {
		values := r.Header.Values("X-Forwarded-For")
		last := strings.Join(values, ",")
		ip, _ := netip.ParseAddr(strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:]))
		return ip
	}
	remote, _ := netip.ParseAddrPort(r.RemoteAddr)
	return remote.Addr()
}
