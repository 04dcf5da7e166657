package diagnosis

import (
	"fmt"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// login says what a known service accepts as username and password, and whether it still accepts one.
func (v *verdict) login() {
	if !v.known {
		return
	}
	if v.generic && v.service.PasswordKind != presets.AccountPassword {
		v.Remedy = fmt.Sprintf("Set username as %s expects it (%s) and password to %s.",
			v.service.Name, v.service.UsernameHint, v.service.PasswordKind.Words())
		if v.service.Requires != "" {
			v.Remedy += " Note: " + strings.TrimSuffix(v.service.Requires, ".") + "."
		}
	}
	if problem := v.service.UsernameProblem(v.settings.Username); problem != "" && v.service.Username != presets.UsernameLocalPart {
		v.Attribute = "username"
		v.Remedy = problem + " " + v.Remedy
	}
	switch v.service.AuthStatus {
	case presets.OAuth2Only:
		v.Cause = strings.TrimSpace(v.Cause + " " + v.service.Name + " accepts no password, only OAuth 2.0.")
		v.Attribute = "host"
		v.Remedy = "Use another mail service: change host, username and password."
		v.loginWithToken()
	case presets.DeprecatedPassword:
		v.Cause = strings.TrimSpace(v.Cause + " " + v.service.Name + " is ending sign-in with a password.")
		v.alsoWithToken()
	case presets.AppPasswordRequired:
		v.alsoWithToken()
	}
}

// token says which of two secrets is at fault where a refresh token comes with a client secret.
func (v *verdict) token() {
	if v.settings.Grant == site.RefreshToken && v.Summary == clientSecretRefused {
		v.Attribute = "client_secret"
	}
}

// loginWithToken shows what to write where the service gives tokens for mail.
func (v *verdict) loginWithToken() {
	if lines := v.tokenLines(); lines != "" {
		v.Remedy = "Log in with OAuth 2.0, if the site supports it: write " + lines + " instead of the password, as the guide on OAuth 2.0 shows. Otherwise use another mail service."
	}
}

// alsoWithToken adds that to the remedy of a login with a password.
func (v *verdict) alsoWithToken() {
	if lines := v.tokenLines(); lines != "" && v.settings.Grant == "" {
		v.Remedy += " Or log in without a password, if the site supports it: " + lines + "."
	}
}

// tokenLines are those that log in with a token at the service, without versions; empty where it gives none.
func (v *verdict) tokenLines() string {
	if !v.known || v.service.OAuth2 == nil {
		return ""
	}
	if v.service.OAuth2.NeedsTenant() {
		return `oauth2 = { tenant = "…", client_id = "…", client_secret_wo = … }`
	}
	return `oauth2 = { grant = "refresh_token", client_id = "…", client_secret_wo = …, refresh_token_wo = … }`
}

// loginInClearText blames the encryption where there is none, as many servers offer a login only after TLS. On an
// encrypted connection more encryption does not help.
func (v *verdict) loginInClearText() {
	if v.settings.Encryption == site.NoEncryption {
		v.Attribute = "encryption"
		v.Cause = "username is set, but the server offers no login here; many servers offer one only after TLS."
		v.Remedy = "Set encryption to starttls or tls. If the relay needs no login, remove username and password."
	}
}

// loginMissing says what differs where a server asks for a login, or relays nothing, although it has accepted one.
func (v *verdict) loginMissing() {
	switch {
	case v.facts[afterLogin]:
		v.Cause = "The server accepted the login, but does not let this account send this message: it may not send from from_address, or not to other domains."
		v.Remedy = "Check that the account in username may send from from_address to other domains; then ask the provider and quote the reply."
	case v.facts[withoutLogin]:
		v.Remedy, _, _ = strings.Cut(v.Remedy, " If they are set,")
	}
}
