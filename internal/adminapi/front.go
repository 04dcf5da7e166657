package adminapi

import (
	"bytes"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
)

// fronts are what may answer instead of a site, by a text in the headers or in the page that reveals it, in lower case. The first
// match counts.
var fronts = []struct {
	sign string
	name string
}{
	{"cf-mitigated: challenge", "a Cloudflare challenge"},
	{"cdn-cgi/challenge-platform", "a Cloudflare challenge"},
	{"attention required! | cloudflare", "the Cloudflare firewall"},
	{"server: cloudflare", "Cloudflare"},
	{"sucuri", "the firewall of Sucuri"},
	{"wordfence", "the security plugin Wordfence"},
	{"ithemes security", "the security plugin Solid Security"},
	{"imunify360", "the firewall Imunify360"},
	{"incapsula", "the firewall of Imperva"},
	{"akamaighost", "Akamai"},
	{"mod_security", "the firewall ModSecurity"},
	{"server: cloudfront", "Amazon CloudFront"},
	{"ddos-guard", "DDoS-Guard"},
	{"www-authenticate: basic", "the login of a staging site, or of the web server (HTTP basic authentication)"},
	{"maintenance", "a maintenance page"},
	{"coming soon", "a \"coming soon\" page"},
}

// inFront says what answered instead of the site's admin API, and what it shows; empty if that is uncertain: an API responds with JSON
// or with nothing.
func inFront(resp *http.Response, body []byte, secrets *redactor) string {
	page := isPage(body)
	staging := resp.StatusCode == http.StatusUnauthorized && strings.HasPrefix(strings.ToLower(resp.Header.Get("WWW-Authenticate")), "basic") &&
		!strings.HasPrefix(resp.Request.Header.Get("Authorization"), "Basic ")
	if !page && !staging {
		return ""
	}
	body = body[:min(len(body), maxProblem)]
	name := "a web page"
	signs := strings.ToLower(headerLines(resp.Header) + string(body))
	for _, f := range fronts {
		if strings.Contains(signs, f.sign) {
			name = f.name
			break
		}
	}
	return name + shows(resp, body, secrets)
}

func isPage(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
}

func headerLines(h http.Header) string {
	var lines strings.Builder
	_ = h.Write(&lines)
	return lines.String()
}

var (
	pageTitle = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
	unshown   = regexp.MustCompile(`(?is)<(script|style|head|title)\b.*?</(script|style|head|title)>|<[^>]*>`)
)

// shows returns the title of a page, its server and its first line of text, as far as they exist, in parentheses.
func shows(resp *http.Response, body []byte, secrets *redactor) string {
	var parts []string
	add := func(what, text string) {
		if text = secrets.Brief(html.UnescapeString(text), maxName); text != "" {
			parts = append(parts, fmt.Sprintf("%s %q", what, text))
		}
	}
	if m := pageTitle.FindSubmatch(body); m != nil {
		add("title", string(m[1]))
	}
	add("server", resp.Header.Get("Server"))
	for line := range strings.Lines(unshown.ReplaceAllString(string(body), "\n")) {
		if strings.TrimSpace(line) != "" {
			add("text", line)
			break
		}
	}
	if parts == nil {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// describe says in parentheses what a body that is not JSON is: its type, its encoding, and how it begins.
func describe(resp *http.Response, body []byte, secrets *redactor) string {
	kind := resp.Header.Get("Content-Type")
	if kind == "" {
		kind = "no content type"
	}
	if packed := resp.Header.Get("Content-Encoding"); packed != "" {
		kind += ", encoding " + packed
	}
	if front := inFront(resp, body, secrets); front != "" {
		return fmt.Sprintf("(%s): it looks like %s", kind, front)
	}
	return fmt.Sprintf("(%s, begins %q)", kind, secrets.Brief(string(body[:min(len(body), maxProblem)]), 40))
}
