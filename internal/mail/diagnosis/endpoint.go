package diagnosis

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/loopback"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// conventional are the ports of submission and what they speak (RFC 8314 section 3.3, RFC 6409 section 3.1, and the
// port that relays offer beside them).
var conventional = []presets.Endpoint{
	{Port: 465, Encryption: site.TLS},
	{Port: 587, Encryption: site.STARTTLS},
	{Port: 2525, Encryption: site.STARTTLS},
	{Port: 25, Encryption: site.STARTTLS},
}

// endpoints are the ports that the host is known to serve, the best first; by convention where the service is unknown.
func (v *verdict) endpoints() []presets.Endpoint {
	if !v.known {
		return conventional
	}
	return v.service.Endpoints()
}

// network tells settings that name the wrong server or port from a network that does not let mail out. No connection came
// about, so encryption had no part in it.
func (v *verdict) network() {
	port := v.settings.Port
	served := slices.ContainsFunc(v.endpoints(), func(e presets.Endpoint) bool { return e.Port == port })
	switch {
	case v.stage == site.StageDNS && v.official():
		v.resolver()
	case v.stage == site.StageDNS:
		return
	case v.Attribute == "port" && v.known && (port == 25 || !served || !v.official()):
		v.setEndpoint()
	case v.Attribute == "port" && v.known:
		v.take(connectBlocked)
		v.Cause = fmt.Sprintf("%s accepts mail at %s:%d, so the settings are right; a firewall, a cloud or an internet provider blocks the connection.",
			v.service.Name, v.settings.Host, port)
		v.Remedy = fmt.Sprintf("Allow outgoing TCP to port %d on the machine that sends%s.", port, v.otherPort())
	case v.Attribute == "host" && v.official():
		v.Attribute = ""
		v.Cause = fmt.Sprintf("%s is the right host for %s, but the machine that ran the test cannot reach it.", v.settings.Host, v.service.Name)
		v.Remedy = fmt.Sprintf("Give that machine a route to the internet, or allow outgoing TCP to port %d; if only IPv6 fails, use IPv4.", port)
	case v.ID == "connect-refused" && port == 25 && !loopback.Is(v.settings.Host):
		v.take(connectBlocked)
		v.Attribute = "port"
		v.Cause = "The connection to port 25 is refused: most clouds and internet providers block it."
		v.Remedy = `Set port to 587 (encryption "starttls") or 465 (encryption "tls"). Port 25 is for mail between servers.`
	}
}

// refusedAddress says what helps where a login did not, and where host is a server that only receives.
func (v *verdict) refusedAddress() {
	switch {
	case v.facts[afterLogin] && v.generic:
		v.Cause = "The server accepted the login, but not the IP address that the test came from."
		v.Remedy = "Have the provider allow this IP address for the account, or have it removed from the block list; otherwise use another mail service in host."
	case v.known && v.generic && !v.official():
		best := v.endpoints()[0]
		v.Remedy += fmt.Sprintf(" For an account at %s that is host %s, port %d, encryption %q.", v.service.Name, best.Host, best.Port, best.Encryption)
	}
}

// resolver blames no setting where the name is known to be right.
func (v *verdict) resolver() {
	if v.Attribute != "host" || strings.ContainsAny(v.settings.Host, " /") {
		return
	}
	v.Attribute = ""
	v.Cause = fmt.Sprintf("%s is the right host for %s, but the resolver of the machine that ran the test did not find its address.", v.settings.Host, v.service.Name)
	v.Remedy = "Check DNS on that machine: its resolver, its network and, in a container, the resolver that the container uses."
}

// endpoint makes advice on port and encryption concrete, and takes it back where both are right already.
func (v *verdict) endpoint() {
	s := v.settings
	speaks, ok := v.speaks()
	switch {
	case ok && v.clash(speaks):
		v.Attribute = "encryption"
		v.Remedy = fmt.Sprintf("Set encryption to %q: port %d %s.", speaks, s.Port, manner(speaks))
	case ok && (v.stage == site.StageBanner || v.stage == site.StageTLS) && v.closed():
		v.take(connectionCut)
		v.Remedy = fmt.Sprintf("Apply again%s. If it repeats, ask the provider whether this IP address is blocked.", v.otherPort())
	case v.known && !ok:
		v.setEndpoint()
	}
}

// speaks returns how the configured port is protected, where that is known.
func (v *verdict) speaks() (site.Encryption, bool) {
	var found site.Encryption
	for _, e := range v.endpoints() {
		if e.Port != v.settings.Port {
			continue
		}
		if e.Encryption == v.settings.Encryption {
			return e.Encryption, true
		}
		found = e.Encryption
	}
	return found, found != ""
}

// clash reports whether the configured encryption explains the failure. Up to the first command, only TLS from the first
// byte differs from the rest.
func (v *verdict) clash(speaks site.Encryption) bool {
	if slices.Contains([]site.Stage{site.StageTLS, site.StageBanner, site.StageEHLO}, v.result.Stage) {
		return (speaks == site.TLS) != (v.settings.Encryption == site.TLS)
	}
	return speaks != v.settings.Encryption
}

// closed reports whether the row speaks of a connection that ended or went silent.
func (v *verdict) closed() bool {
	return slices.Contains([]string{"banner-timeout-implicit-tls", "banner-eof", "tls-eof", "tls-timeout"}, v.ID)
}

func manner(e site.Encryption) string {
	if e == site.TLS {
		return "expects TLS from the first byte"
	}
	return "starts in clear text and then switches to TLS"
}

// setEndpoint recommends an endpoint at which the service is known to accept mail.
func (v *verdict) setEndpoint() {
	best := v.endpoints()[0]
	host := ""
	if !v.official() {
		host = fmt.Sprintf("host to %s, ", best.Host)
	}
	v.Remedy = fmt.Sprintf("Set %sport to %d and encryption to %q, where %s accepts mail.", host, best.Port, best.Encryption, v.service.Name)
}

// otherPort names another way in, as the rest of a sentence; empty where none is known.
func (v *verdict) otherPort() string {
	for _, e := range v.endpoints() {
		if e.Port != v.settings.Port && e.Port != 25 {
			return fmt.Sprintf(", or try port %d with encryption %q", e.Port, e.Encryption)
		}
	}
	return ""
}
