package core

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sitemail/terraform-provider-smtp/internal/loopback"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// Maximum lengths in characters, as in openapi.yaml.
const (
	maxAddress  = 254
	maxPassword = 1024
	// maxToken is the maximum length of a refresh token or a private key.
	maxToken = 8192
)

func (s *Site) checkSiteID(id string) error {
	if id == "" || id == s.id {
		return nil
	}
	return problem.New(problem.WrongSite, "The request is for a different site than the one that answered.")
}

// checkCandidate refuses values that no site may have.
func checkCandidate(c site.Candidate) error {
	for _, d := range site.AllSettings() {
		if err := submit.CheckSetting(d, c.Settings); err != nil {
			return problem.OfField(d.Name, "%s %v.", d.Name, err)
		}
	}
	if field, err := submit.CheckToken(c.Settings); err != nil {
		return problem.OfField(field, "%s %v.", field, err)
	}
	if s := c.Settings; s.Encryption == site.NoEncryption && s.Username != "" && !loopback.Is(s.Host) {
		return problem.OfField("encryption", "encryption must not be none, except to a loopback address: the password would be sent in clear text.")
	}
	if _, clientSecret := c.Password.Split(); !clientSecret.IsEmpty() && c.Settings.Grant != site.RefreshToken {
		return problem.OfField("client_secret", "client_secret is only for the grant refresh_token; with client_credentials, the client secret is the password.")
	}
	if err := checkPassword(c); err != nil {
		return problem.OfField("password", "password %v.", err)
	}
	return nil
}

func checkRecipient(recipient string) error {
	if err := text(recipient, maxAddress, submit.CheckAddress); err != nil {
		return problem.OfField("recipient", "recipient %v.", err)
	}
	if HasHidden(recipient) {
		return problem.OfField("recipient", "recipient must not contain invisible characters.")
	}
	return nil
}

func text(value string, longest int, check func(string) error) error {
	if utf8.RuneCountInString(value) > longest {
		return fmt.Errorf("must have at most %d characters", longest)
	}
	return check(value)
}

// checkPassword refuses a password that cannot be used in the login.
func checkPassword(c site.Candidate) error {
	if c.Password.IsEmpty() {
		return nil
	}
	if c.Settings.Username == "" {
		return errors.New("must not come without a username")
	}
	longest := maxPassword
	if g := c.Settings.Grant; g == site.RefreshToken || g == site.JWTBearer {
		longest = maxToken
	}
	first, second := c.Password.Split()
	if first.IsEmpty() {
		return errors.New("must come with client_secret: the two are stored together")
	}
	for _, part := range []secret.Text{first, second} {
		switch value := part.Reveal(); {
		case utf8.RuneCountInString(value) > longest:
			return fmt.Errorf("must have at most %d characters", longest)
		case value != "" && strings.Trim(value, "*•●") == "":
			return errors.New("must be the password itself, not a mask")
		}
	}
	return submit.CheckSecret(c.Settings.Grant, c.Password)
}

// checkShown refuses invisible characters, which can make a text look like a different text. Display names are exempt, because emoji need
// some of these characters; their format has its own check.
func checkShown(s site.Settings) error {
	for _, d := range site.AllSettings() {
		if d.Format != site.DisplayName && HasHidden(d.Text(s)) {
			return problem.OfField(d.Name, "%s must not contain invisible characters.", d.Name)
		}
	}
	return nil
}

// HasHidden reports whether text contains invisible characters, including those that change the direction of text.
func HasHidden(text string) bool { return strings.ContainsFunc(text, untrusted.IsHidden) }
