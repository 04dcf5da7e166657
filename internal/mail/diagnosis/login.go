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
	if block := v.tokenBlock(); block != "" {
		v.Remedy = "Log in with OAuth 2.0, if the site supports it, as the guide on OAuth 2.0 explains; otherwise use another mail service. Instead of the password, write:\n" + block
	}
}

// alsoWithToken adds that to the remedy of a login with a password.
func (v *verdict) alsoWithToken() {
	if block := v.tokenBlock(); block != "" && v.settings.Grant == "" {
		v.Remedy += " Or log in without a password, if the site supports OAuth 2.0:\n" + block
	}
}

// The arguments of a login with a token: that of an app which a tenant lets use its mailboxes, and that of a mailbox whose owner
// agreed.
const (
	appBlock = `  oauth2 = {
    tenant                   = "…"
    client_id                = "…"
    client_secret_wo         = var.mail_client_secret
    client_secret_wo_version = 1
  }`
	ownerBlock = `  oauth2 = {
    grant                    = "refresh_token"
    client_id                = "…"
    client_secret_wo         = var.mail_client_secret
    client_secret_wo_version = 1
    refresh_token_wo         = var.mail_refresh_token
    refresh_token_wo_version = 1
  }`
)

// tokenBlock is what logs in with a token at the service; empty where it gives none.
func (v *verdict) tokenBlock() string {
	switch {
	case !v.known || v.service.OAuth2 == nil:
		return ""
	case v.service.OAuth2.NeedsTenant():
		return appBlock
	default:
		return ownerBlock
	}
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

// noLogin rewrites what rows say of a login, for tests without one.
var noLogin = strings.NewReplacer(
	"; the login works.", ".",
	"The account in username may not", "A client without a login may not",
	"The mailbox in username may not", "A client without a login may not",
	"an address that this account may send from", "an address that the server accepts",
	"one that this account may send from", "one that the server accepts without a login",
	"Check that from_address belongs to the account and that SPF and DKIM of its domain", "Check that SPF and DKIM of the domain of from_address",
	"Check that the account in username may send from from_address and that", "Set username and password if the server requires a login, and check that",
	"Check that the account in username may send from from_address", "Set username and password if the server requires a login",
	"the server does not relay for this login: check username", "the server relays only after a login: set username and password",
)
