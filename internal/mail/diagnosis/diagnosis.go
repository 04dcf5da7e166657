package diagnosis

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// The rows that more than the words of a reply decides on.
const (
	inDoubt        = "in-doubt"
	otherReply     = "other-reply"
	connectBlocked = "connect-blocked"
	connectionCut  = "connection-cut"
	hostMismatch   = "tls-cert-host-mismatch"
	tlsIntercepted = "tls-intercepted"
	invalidSetting = "any-invalid-setting"
	noLoginOffered = "auth-not-advertised-client"
)

// Summaries whose rows are explained in the same way.
const (
	loginFirst          = "The server requires a login"
	noPasswords         = "The mail service no longer accepts passwords"
	clientSecretRefused = "The token endpoint rejected the client secret"
	relaysNothing       = "The server does not relay mail for this client"
	ipRefused           = "The server does not accept mail from this IP address"
	blocked             = "The mail service has blocked this account"
)

// Unknown is the row of a failure without a stage, a reply or an error that says more.
const Unknown = "unknown"

// verdict is a diagnosis in the making: a row of the table, made concrete by what is known of settings and service.
type verdict struct {
	site.Diagnosis
	stage    site.Stage
	generic  bool
	result   site.TestResult
	settings site.Settings
	facts    facts
	service  presets.Preset
	known    bool
}

// Of explains a test that did not pass with these settings. It has a verdict for every failure; for a test that
// passed it returns the zero Diagnosis. Cause and Remedy can hold names and addresses that the server sent: they are
// cleaned, and still not to be trusted.
func Of(r site.TestResult, s site.Settings) site.Diagnosis {
	if r.Status == site.Passed {
		return site.Diagnosis{}
	}
	v := &verdict{result: r, settings: s, facts: factsOf(r, s)}
	v.service, v.known = presets.ByHost(s.Host)
	v.take(v.row())
	v.explain()
	return v.Diagnosis
}

// explain fits what the row says to the settings, the service and the failure.
func (v *verdict) explain() {
	switch {
	case v.ID == inDoubt:
		v.whereToLook()
	case v.stage == site.StageArrival:
		v.arrival()
	case v.ID == invalidSetting:
		v.invalidSetting()
	case v.ID == "data-ses-unverified":
		v.unverified()
	case v.ID == noLoginOffered:
		v.loginInClearText()
	case strings.HasPrefix(v.ID, "tls-cert-"):
		v.certificate()
	case v.stage == site.StageToken:
		v.token()
	case v.Summary == noPasswords:
		v.loginWithToken()
	case v.Attribute == "password":
		v.login()
	case v.Summary == loginFirst || v.Summary == relaysNothing:
		v.loginMissing()
	case v.Attribute == "from_address":
		v.sender()
	case v.Summary == ipRefused:
		v.refusedAddress()
	case v.stage == site.StageDNS || v.stage == site.StageConnect:
		v.network()
	case v.Attribute == "port" || v.Attribute == "encryption":
		v.endpoint()
	}
	if v.facts[withoutLogin] {
		v.Cause, v.Remedy = noLogin.Replace(v.Cause), noLogin.Replace(v.Remedy)
	}
	if v.stage != site.StageToken {
		v.link()
	}
}

// TooFast reports whether a test failed only because the mail server wants fewer messages at a time, or fewer in a second, or the token
// endpoint fewer requests.
func TooFast(r site.TestResult, s site.Settings) bool {
	if r.Status != site.Failed || r.Reply == nil && r.Stage != site.StageToken {
		return false
	}
	v := verdict{result: r, settings: s}
	v.service, _ = presets.ByHost(s.Host)
	return load().byID[v.row()].TooFast
}

// row names the row that fits, down to the last resort for a stage.
func (v *verdict) row() string {
	if v.result.Status == site.InDoubt {
		return inDoubt
	}
	if row := load().byID[string(v.result.Shortfall)]; row != nil {
		return row.ID
	}
	if row := load().find(observe(v.result, v.settings, v.service.ID)); row != nil {
		return row.ID
	}
	if v.result.Reply != nil {
		return otherReply
	}
	return Unknown
}

// take makes the verdict that of a row.
func (v *verdict) take(id string) {
	row := load().byID[id]
	v.stage = row.Stage
	v.generic = slices.ContainsFunc(row.Services, func(name string) bool { return strings.HasPrefix(name, "generic") })
	v.Diagnosis = row.diagnosis()
}

// diagnosis is what the row says of every failure that it matches.
func (row *Row) diagnosis() site.Diagnosis {
	return site.Diagnosis{
		ID:        row.ID,
		Summary:   row.Summary,
		Cause:     row.Cause,
		Remedy:    row.Remedy,
		Attribute: row.Attribute,
		Retry:     row.Retry,
	}
}

// invalidSetting names the setting that was refused before anything was sent, and says what it must be.
func (v *verdict) invalidSetting() {
	field, why, _ := strings.Cut(untrusted.Brief(v.result.Error, 300), ": ")
	v.Attribute = field
	v.Remedy = fmt.Sprintf("Correct %s: it %s.", field, why)
}

// whereToLook names the message that may have arrived.
func (v *verdict) whereToLook() {
	if id, recipient := v.result.MessageID, v.result.Recipient; id != "" && recipient != "" {
		v.Remedy = fmt.Sprintf("Look for the message <%s> in the mailbox of %s before applying again: every further test sends another one.",
			untrusted.Brief(id, 254), untrusted.Brief(recipient, 254))
	}
}

// link adds the service's own page where it helps: the one that makes passwords, or the one about settings.
func (v *verdict) link() {
	if !v.known || v.Summary == blocked {
		return
	}
	switch v.Attribute {
	case "password":
		if v.URL = v.service.AppPasswordURL; v.URL == "" {
			v.URL = v.service.DocsURL
		}
	case "username", "host", "port", "encryption":
		v.URL = v.service.DocsURL
	}
}
