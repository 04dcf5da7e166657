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

// User returns the username of a session, or an error of code Unauthorized. An API token is not accepted as a session: it does not
// give access to the admin page.
func (g *Guard) User(siteID string, token secret.Text) (string, error) {
	t, err := g.token(siteID, token)
	if err == nil && !t.Session {
		err = problem.New(problem.Unauthorized, "The token does not belong to a session.")
	}
	return t.Name, err
}

// Logout ends the session with that token, if there is one.
func (g *Guard) Logout(siteID string, token secret.Text) error {
	ended := sum(token)
	return g.store.UpdateSite(siteID, func(s *store.Site) error {
		if t, err := s.Token(ended); err == nil && t.Session {
			return s.DropToken(ended)
		}
		return nil // the session has already ended, or never existed
	})
}

// AnswersTo reports whether a Host header names this server: by IP address, as localhost, or by one of names. Any other name may be an
// attacker's that resolves to this server (DNS rebinding).
func AnswersTo(host string, names []string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(strings.TrimSuffix(host, "."), "[]"))
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Zone() == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		slices.ContainsFunc(names, func(known string) bool { return strings.EqualFold(known, host) })
}

// Client returns the address that a request comes from, or an invalid address if that is unknown. Behind a proxy, it is the last
// element of X-Forwarded-For, which the proxy wrote.
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
