package submit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// rule is one thing that must hold before anything is dialled.
type rule struct {
	// stage is where the server would stumble over it.
	stage site.Stage
	// field is what is at fault, by its name in [site.Settings.Fields] or "password" or "recipient".
	field string
	err   error
}

// check ends the attempt at the first rule that is broken, before anything is dialled.
func (a *attempt) check(ctx context.Context, rules []rule) error {
	for _, r := range rules {
		if r.err == nil {
			continue
		}
		err := fmt.Errorf("%s: %w", r.field, r.err)
		a.seen.Result.Stage = r.stage
		a.fail(ctx, err, 0)
		return err
	}
	return nil
}

func serverRules(s site.Settings) []rule {
	return []rule{
		{site.StageDNS, "host", CheckHost(s.Host)},
		{site.StageDNS, "port", checkPort(s.Port)},
		{site.StageTLS, "encryption", checkEncryption(s.Encryption)},
		{site.StageEHLO, "helo_name", optional(CheckHELOName, s.HELOName)},
	}
}

func candidateRules(c site.Candidate) []rule {
	return append(serverRules(c.Settings),
		rule{site.StageAuth, "username", checkCredential(c.Settings.Username)},
		rule{site.StageAuth, "password", checkPassword(c)})
}

func messageRules(s site.Settings, recipient string) []rule {
	return []rule{
		{site.StageMail, "from_address", CheckAddress(s.FromAddress)},
		{site.StageRcpt, "recipient", CheckAddress(recipient)},
		{site.StageData, "from_name", CheckFromName(s.FromName)},
	}
}

func optional(check func(string) error, value string) error {
	if value == "" {
		return nil
	}
	return check(value)
}

func checkPort(port int) error {
	if port < 1 || port > 65535 {
		return fmt.Errorf("invalid port %d: must be from 1 to 65535", port)
	}
	return nil
}

func checkEncryption(e site.Encryption) error {
	if !slices.Contains(site.Encryptions(), e) {
		return fmt.Errorf("must be one of %q", site.Encryptions())
	}
	return nil
}

func checkPassword(c site.Candidate) error {
	if c.LacksPassword() {
		return errors.New("is missing, but there is a username")
	}
	return checkCredential(c.Password.Reveal())
}

// checkCredential refuses NUL, which separates the parts of AUTH PLAIN (RFC 4616 section 2).
func checkCredential(value string) error {
	if strings.ContainsRune(value, 0) {
		return errors.New("must not contain NUL")
	}
	return nil
}
