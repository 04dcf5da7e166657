package page

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// maxMatches is how many services a search shows.
const maxMatches = 8

// service is the chooser of mail services and what is known about the chosen one.
type service struct {
	// Query is the search text, Matches the services found, and Found describes the result.
	Query, Found string
	Matches      []presets.Preset
	// Chosen is the service whose host is in the form; its ID is empty if there is none. Filled is true if it was just chosen.
	Chosen presets.Preset
	Region string
	// Address is the search text if it is an email address. Choosing a service makes it the username.
	Address string
	Filled  bool
}

// serviceOf returns the service that a host belongs to.
func serviceOf(host string) *service {
	chosen, _ := presets.ByHost(host)
	return &service{Chosen: chosen}
}

// Warning returns a warning about passwords at the service, or "".
func (s *service) Warning() string {
	switch s.Chosen.AuthStatus {
	case presets.AppPasswordRequired:
		return s.Chosen.Name + " requires an app password here, not the account’s password."
	case presets.DeprecatedPassword:
		return s.Chosen.Name + " is phasing out logins with a password."
	case presets.OAuth2Only:
		return s.Chosen.Name + " no longer accepts passwords. Use the login without a password below."
	}
	return ""
}

// choose fills in the service that the page's URL asks for, or searches for one.
func (m *mail) choose(query url.Values) {
	if p, ok := presets.ByID(query.Get("service")); ok {
		if endpoint, err := p.Endpoint(query.Get("region")); err == nil {
			m.Service = &service{Chosen: p, Region: query.Get("region"), Filled: true}
			m.Fields["host"].Value = endpoint.Host
			m.Fields["port"].Value = strconv.Itoa(endpoint.Port)
			m.Fields["encryption"].Value = string(endpoint.Encryption)
			if address := strings.TrimSpace(query.Get("address")); address != "" {
				m.Fields["username"].Value = address
			}
			m.hint()
		}
	}
	if text := strings.TrimSpace(query.Get("q")); text != "" {
		m.Service.search(text)
	}
}

// hint sets the hints of the fields to what the service expects in them.
func (m *mail) hint() {
	if hint := m.Service.Chosen.UsernameHint; hint != "" {
		m.Fields["username"].Hint = sentence(hint)
	}
	if hint := m.Service.Chosen.PasswordHint; hint != "" {
		m.Fields["password"].Hint = sentence(hint)
	}
	if o := m.Service.Chosen.OAuth2; o != nil {
		var scopes []string
		for _, grant := range o.GrantNames() {
			scopes = append(scopes, site.JoinScopes(o.Grants[grant])+" ("+strings.ReplaceAll(string(grant), "_", " ")+")")
		}
		m.Fields["token_url"].Hint = "For " + m.Service.Chosen.Name + ": " + o.TokenURLOf("<tenant>")
		m.Fields["scopes"].Hint = "For " + m.Service.Chosen.Name + ": " + strings.Join(scopes, "; ")
	}
}

func sentence(text string) string {
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}

// search finds services by email address, or by words of their name, ID, host and domains.
func (s *service) search(text string) {
	s.Query = text
	if p, ok := presets.ByAddress(text); ok {
		s.Address = text
		s.Matches, s.Found = []presets.Preset{p}, "This service hosts the mailboxes of the domain."
		return
	}
	words := strings.Fields(strings.ToLower(text))
	for _, p := range presets.All() {
		known := strings.ToLower(strings.Join(append(p.Domains, p.ID, p.Name, p.Host), " "))
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(known, word) }) {
			s.Matches = append(s.Matches, p)
		}
	}
	slices.SortStableFunc(s.Matches, func(a, b presets.Preset) int { return rank(a, words[0]) - rank(b, words[0]) })
	if len(s.Matches) == 0 {
		s.suggest(text)
		return
	}
	s.Found = strconv.Itoa(len(s.Matches)) + " services"
	if len(s.Matches) == 1 {
		s.Found = "1 service"
	}
	if len(s.Matches) > maxMatches {
		s.Matches = s.Matches[:maxMatches]
		s.Found += "; the first " + strconv.Itoa(maxMatches) + " are shown"
	}
}

// suggest suggests services with similar names after a search without matches.
func (s *service) suggest(text string) {
	s.Found = "No service has that name. Enter the SMTP settings from your mail service below."
	if strings.Contains(text, "@") {
		s.Found = "No service is known for this domain. Enter the SMTP settings from your mail service below."
		return
	}
	for _, id := range presets.Near(text) {
		if p, ok := presets.ByID(id); ok {
			s.Matches, s.Found = append(s.Matches, p), "No service has that name. Did you mean one of these?"
		}
	}
}

// rank orders services: lowest if the name or ID begins with the word.
func rank(p presets.Preset, word string) int {
	switch {
	case strings.HasPrefix(p.ID, word), strings.HasPrefix(strings.ToLower(p.Name), word):
		return 0
	case strings.Contains(strings.ToLower(p.Name), word):
		return 1
	}
	return 2
}
