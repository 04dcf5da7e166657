package core

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// The longest values in characters; openapi.yaml has the same.
const (
	maxHost     = 253
	maxAddress  = 254
	maxName     = 255
	maxPassword = 1024
	maxPort     = 65535
)

func (s *Site) checkSiteID(id string) error {
	if id == "" || id == s.id {
		return nil
	}
	return problem.New(problem.WrongSite, "The request is for another site than the one that answers.")
}

// checkCandidate refuses values that no site may hold.
func checkCandidate(c site.Candidate) error {
	st := c.Settings
	checks := []struct {
		field string
		err   error
	}{
		{"host", text(st.Host, maxHost, submit.CheckHost)},
		{"port", checkPort(st.Port)},
		{"encryption", checkEncryption(st)},
		{"username", text(st.Username, maxName, checkNoControls)},
		{"from_address", text(st.FromAddress, maxAddress, submit.CheckAddress)},
		{"from_name", text(st.FromName, maxName, submit.CheckFromName)},
		{"helo_name", text(st.HELOName, maxName, checkHELOName)},
		{"password", checkPassword(c.Password, st.Username)},
	}
	for _, check := range checks {
		if check.err != nil {
			return problem.OfField(check.field, "%s %v.", check.field, check.err)
		}
	}
	if field, err := submit.CheckToken(st); err != nil {
		return problem.OfField(field, "%s %v.", field, err)
	}
	return nil
}

func checkRecipient(recipient string) error {
	if err := text(recipient, maxAddress, submit.CheckAddress); err != nil {
		return problem.OfField("recipient", "recipient %v.", err)
	}
	return nil
}

func text(value string, longest int, check func(string) error) error {
	if utf8.RuneCountInString(value) > longest {
		return fmt.Errorf("must have at most %d characters", longest)
	}
	return check(value)
}

func checkPort(port int) error {
	if port < 1 || port > maxPort {
		return fmt.Errorf("must be from 1 to %d", maxPort)
	}
	return nil
}

func checkEncryption(s site.Settings) error {
	if !slices.Contains(site.Encryptions(), s.Encryption) {
		return fmt.Errorf("must be one of %v", site.Encryptions())
	}
	if s.Encryption == site.NoEncryption && s.Username != "" && !isLoopback(s.Host) {
		return errors.New("must not be none, except to a loopback address: the password would be sent in clear")
	}
	return nil
}

// isLoopback reports whether host names the machine itself without asking DNS.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback() || strings.EqualFold(strings.TrimSuffix(host, "."), "localhost")
}

func checkHELOName(name string) error {
	if name == "" {
		return nil
	}
	return submit.CheckHELOName(name)
}

// checkPassword keeps to what SASL can carry: no control characters (RFC 4013 section 2.3).
func checkPassword(password secret.Text, username string) error {
	switch value := password.Reveal(); {
	case value == "":
		return nil
	case username == "":
		return errors.New("must not come without a username")
	case strings.Trim(value, "*•●") == "":
		return errors.New("must be the password itself, not a mask")
	default:
		return text(value, maxPassword, checkNoControls)
	}
}

// checkDirections refuses characters that change the direction of text: with them, a name can show as another one.
func checkDirections(s site.Settings) error {
	for _, f := range s.Fields() {
		if text, ok := f.Value.(string); ok && HasDirections(text) {
			return problem.OfField(f.Name, "%s must not contain characters that change the direction of text.", f.Name)
		}
	}
	return nil
}

// HasDirections reports whether text contains a character that changes the direction of what stands beside it (the property
// Bidi_Control of Unicode).
func HasDirections(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) })
}

func checkNoControls(value string) error {
	if !utf8.ValidString(value) {
		return errors.New("must be valid UTF-8")
	}
	if strings.ContainsFunc(value, unicode.IsControl) {
		return errors.New("must not contain control characters")
	}
	return nil
}
