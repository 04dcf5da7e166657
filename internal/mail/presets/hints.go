package presets

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// accessKeyID is an AWS access key id of an IAM user; temporary keys (ASIA…) cannot sign in to SES.
var accessKeyID = regexp.MustCompile(`^AKIA[A-Z0-9]{12,}$`)

// UsernameProblem returns one sentence for a username that the service is unlikely to accept, "" otherwise. It never
// contains the username, which at some services is a token.
func (p Preset) UsernameProblem(username string) string {
	if p.acceptsUsername(username) {
		return ""
	}
	if username == "" {
		return fmt.Sprintf("%s needs a username: %s.", p.Name, p.UsernameHint)
	}
	return fmt.Sprintf("This is not the kind of username that %s expects: %s.", p.Name, p.UsernameHint)
}

func (p Preset) acceptsUsername(username string) bool {
	local, domain, isAddress := strings.Cut(username, "@")
	switch p.Username {
	case UsernameAny:
		return true
	case UsernameEmail:
		return isAddress && local != "" && strings.Contains(domain, ".") && !strings.ContainsAny(username, " \t\r\n")
	case UsernameLocalPart:
		return username != "" && !isAddress
	case UsernameIAM:
		return accessKeyID.MatchString(username)
	case UsernameAPIKey:
		return username != "" && !isAddress
	}
	return slices.Contains(p.Username.Literals(), username)
}

// PasswordProblem returns a warning for a password that does not have the service's usual format; "" for any other, for
// an empty one, and if no format is known. It never contains the password.
func (p Preset) PasswordProblem(password secret.Text) string {
	if p.PasswordFormat == "" || password.IsEmpty() {
		return ""
	}
	shape, err := regexp.Compile(p.PasswordFormat)
	if err != nil || shape.MatchString(password.Reveal()) {
		return ""
	}
	problem := fmt.Sprintf("The password does not look like %s of %s: %s.", p.PasswordKind.Words(), p.Name, p.PasswordHint)
	if p.AppPasswordURL != "" {
		problem += " Create one at " + p.AppPasswordURL + "."
	}
	return problem
}

// SignInProblem returns a note for the plan if the service is ending sign-in with passwords, "" otherwise. It is fatal if
// no password can work. That a service requires an app password is not a problem: [Preset.PasswordProblem] checks the
// password that is set.
func (p Preset) SignInProblem() (note string, fatal bool) {
	switch p.AuthStatus {
	case OAuth2Only:
		return strings.TrimSpace(p.Name + " accepts no password, only OAuth 2.0. " + p.AuthStatusNote), true
	case DeprecatedPassword:
		return strings.TrimSpace(p.Name + " is ending sign-in with a password. " + p.AuthStatusNote), false
	}
	return "", false
}
