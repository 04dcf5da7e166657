package inbox

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// receivers maps the host of a service's IMAP server to its authserv-id, or to the domain that its authserv-ids end in. Microsoft writes none.
var receivers = map[string]string{
	"imap.gmail.com":        "mx.google.com",
	"imap.fastmail.com":     "messagingengine.com",
	"imap.mail.me.com":      "icloud.com",
	"imap.mail.yahoo.com":   "yahoo.com",
	"imap.gmx.net":          "gmx.net",
	"imap.gmx.com":          "gmx.net",
	"outlook.office365.com": "",
}

// ReceiverOf returns the authserv-id of the service whose IMAP server is host, and whether it is known. It is never taken
// from a message, because the sender of a message can write any.
func ReceiverOf(host string) (id string, known bool) {
	id, known = receivers[strings.ToLower(strings.TrimSuffix(host, "."))]
	return id, known
}

func (c Config) receiver() (id string, known bool) {
	if c.Receiver != "" {
		return c.Receiver, true
	}
	return ReceiverOf(c.Host)
}

// statement is the result that a header reports for one method, with the properties that it applies to.
type statement struct {
	method, result string
	properties     map[string]string
}

// authenticate reads the headers of the receiver, the latest first. It ignores headers that others added. If two headers
// report on the same method, the upper one counts, because the receiver adds its own at the top.
func authenticate(headers []string, receiver, from string) (id string, spf, dkim, dmarc site.AuthResult) {
	of := map[string][]statement{}
	for _, header := range headers {
		name, statements := parseResults(header)
		if !isReceiver(name, receiver) {
			continue
		}
		if id == "" {
			id = untrusted.Brief(name, maxName)
		}
		here := map[string][]statement{}
		for _, s := range statements {
			here[s.method] = append(here[s.method], s)
		}
		for method, found := range here {
			if _, said := of[method]; !said {
				of[method] = found
			}
		}
	}
	pick := func(method string, properties ...string) site.AuthResult {
		return best(of[method], from, properties)
	}
	return id, pick("spf", "smtp.mailfrom", "smtp.helo"), pick("dkim", "header.d", "header.i"), pick("dmarc", "header.from")
}

func isReceiver(name, receiver string) bool {
	name, receiver = strings.ToLower(name), strings.ToLower(receiver)
	return name == receiver || receiver != "" && strings.HasSuffix(name, "."+receiver)
}

// best prefers a result that passed and, among those, one for the sender's domain: every server on the way may have signed the message.
func best(statements []statement, from string, properties []string) site.AuthResult {
	result := func(s statement) site.AuthResult {
		var domain string
		for _, p := range properties {
			domain = cmp.Or(domain, s.properties[p])
		}
		domain = domain[strings.LastIndexByte(domain, '@')+1:]
		return site.AuthResult{Result: keyword.FindString(s.result), Domain: untrusted.Brief(strings.ToLower(domain), maxName)}
	}
	worth := func(s statement) int {
		r := result(s)
		switch {
		case r.Result != "pass":
			return 0
		case r.Domain == from || strings.HasSuffix(from, "."+r.Domain) || strings.HasSuffix(r.Domain, "."+from):
			return 2
		}
		return 1
	}
	if len(statements) == 0 {
		return site.AuthResult{}
	}
	return result(slices.MaxFunc(statements, func(a, b statement) int { return worth(a) - worth(b) }))
}

var (
	// keyword matches a result of RFC 8601; anything else is not shown.
	keyword      = regexp.MustCompile(`^[a-z]{1,20}$`)
	spacedEquals = regexp.MustCompile(`\s*=\s*`)
)

// parseResults reads one header (RFC 8601 section 2.2) and tolerates common mistakes of receivers: a missing authserv-id, or a
// comment directly after a result.
func parseResults(header string) (id string, statements []statement) {
	for i, part := range strings.Split(withoutComments(header), ";") {
		words := strings.Fields(spacedEquals.ReplaceAllString(part, "="))
		if i == 0 && len(words) > 0 && !strings.Contains(words[0], "=") {
			id = words[0]
			continue
		}
		if len(words) == 0 {
			continue
		}
		method, result, ok := strings.Cut(strings.ToLower(words[0]), "=")
		if !ok {
			continue
		}
		method, _, _ = strings.Cut(method, "/")
		s := statement{method, result, map[string]string{}}
		for _, word := range words[1:] {
			if name, value, ok := strings.Cut(word, "="); ok {
				s.properties[strings.ToLower(name)] = value
			}
		}
		statements = append(statements, s)
	}
	return id, statements
}

// withoutComments removes comments, which can be nested, and from quoted strings the quotes, semicolons and spaces, which would split them.
func withoutComments(header string) string {
	var out strings.Builder
	depth, quoted, escaped := 0, false, false
	for _, r := range header {
		switch {
		case escaped:
			escaped = false
		case r == '\\' && (depth > 0 || quoted):
			escaped = true
		case quoted:
			quoted = r != '"'
			if quoted && depth == 0 && !strings.ContainsRune("; =\t\r\n", r) {
				out.WriteRune(r)
			}
		case r == '"' && depth == 0:
			quoted = true
		case r == '(':
			depth++
		case r == ')' && depth > 0:
			depth--
			out.WriteByte(' ')
		case depth == 0:
			out.WriteRune(r)
		}
	}
	return out.String()
}
