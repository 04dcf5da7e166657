package access

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
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

// AnswersTo reports whether a Host header is one that this server is meant by: an IP address, localhost, or one of the names.
// A name that a stranger pointed here (DNS rebinding) is none.
func AnswersTo(host string, names []string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(strings.TrimSuffix(host, "."), "[]"))
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Zone() == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		slices.ContainsFunc(names, func(known string) bool { return strings.EqualFold(known, host) })
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
