package provider

import (
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/loopback"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/inbox"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Default and bounds of how long a message may take to arrive.
const (
	defaultWait = 2 * time.Minute
	minWait     = 10 * time.Second
	// maxWait is well below the hour after which a site no longer accepts a passed test.
	maxWait = 30 * time.Minute
)

const inboxPasswordVariable = "SMTP_TEST_INBOX_PASSWORD"

func testInboxAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "Mailbox that receives the test messages, read over IMAP for `test.require`. Access is read-only: no message is marked, moved or deleted. " +
			"All sites share it, and one connection to it. See [the test inbox](guides/test-inbox.md).",
		Attributes: map[string]schema.Attribute{
			"host": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Hostname or IP address of the IMAP server, such as `imap.fastmail.com`.",
				Validators:          []validator.String{text{check: submit.CheckHost}},
			},
			"port": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: "Port of the IMAP server. Default: `993` with `tls`, else `143`.",
				Validators:          []validator.Int64{int64validator.Between(1, 65535)},
			},
			"encryption": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Encryption of the connection: `tls`, `starttls` or, for a loopback host only, `none`. Default: `tls`.",
				Validators:          []validator.String{stringvalidator.OneOf(names(site.Encryptions())...)},
			},
			"username": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Username at the IMAP server. Default: `test_recipient`.",
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"password": schema.StringAttribute{
				Optional:  true,
				Sensitive: true,
				MarkdownDescription: "Password for `username`, usually an app password. Required without `oauth2`. Use an ephemeral variable, or the environment variable `" + inboxPasswordVariable +
					"`: neither is stored in a plan or a state.",
				Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"oauth2": testInboxOAuth2Attribute(),
			"authserv_id": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Name at the start of the receiving server's `Authentication-Results` headers, or a domain that the name ends in. Headers with any " +
					"other name are ignored. Required for `require = \"authenticated\"`, unless `host` belongs to Gmail, Fastmail, iCloud, Yahoo, GMX or Microsoft 365.",
				Validators: []validator.String{stringvalidator.LengthBetween(1, 253)},
			},
			"ca_certificate": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "CA certificates (PEM) to trust for the IMAP server, instead of those that this machine trusts.",
			},
		},
	}
}

type testInboxModel struct {
	Host          types.String `tfsdk:"host"`
	Port          types.Int64  `tfsdk:"port"`
	Encryption    types.String `tfsdk:"encryption"`
	Username      types.String `tfsdk:"username"`
	Password      types.String `tfsdk:"password"`
	OAuth2        types.Object `tfsdk:"oauth2"`
	AuthservID    types.String `tfsdk:"authserv_id"`
	CACertificate types.String `tfsdk:"ca_certificate"`
}

// testInbox is the mailbox that all sites share. The zero value means that the provider has none.
type testInbox struct {
	// unknown is true if how to read it is known only in the apply.
	unknown bool
	mailbox *inbox.Mailbox
	// checksSenders is true if the name in the receiving server's Authentication-Results headers is known.
	checksSenders bool
}

// inbox returns the mailbox for the procedure, or nil.
func (t testInbox) inbox() site.Inbox {
	if t.mailbox == nil {
		return nil
	}
	return t.mailbox
}

// toTestInbox converts and checks the argument. It does not connect.
func toTestInbox(object types.Object, recipient types.String, dial dialFunc, diags *diag.Diagnostics) testInbox {
	if object.IsNull() {
		return testInbox{}
	}
	var m testInboxModel
	fill(&m, object)
	for _, value := range []attr.Value{object, m.Host, m.Port, m.Encryption, m.Username, m.Password, m.OAuth2, m.AuthservID, m.CACertificate} {
		if value.IsUnknown() {
			return testInbox{unknown: true}
		}
	}
	var token inboxOAuth2Model
	fill(&token, m.OAuth2)
	if !token.known() {
		return testInbox{unknown: true}
	}
	c := inbox.Config{
		Host:        m.Host.ValueString(),
		Encryption:  site.Encryption(orDefault(m.Encryption, types.StringValue(string(site.TLS))).ValueString()),
		Username:    orDefault(m.Username, recipient).ValueString(),
		Password:    secret.New(orDefault(m.Password, types.StringValue(os.Getenv(inboxPasswordVariable))).ValueString()),
		Receiver:    m.AuthservID.ValueString(),
		DialContext: dial,
	}
	c.Port = 143
	if c.Encryption == site.TLS {
		c.Port = 993
	}
	if !m.Port.IsNull() {
		c.Port = int(m.Port.ValueInt64())
	}
	at := path.Root("test_inbox")
	refuse := func(attribute, why string) {
		diags.AddAttributeError(at.AtName(attribute), "Provider argument cannot be used", "test_inbox."+attribute+": "+why)
	}
	if c.Username == "" && !recipient.IsUnknown() {
		refuse("username", "is required if the provider has no test_recipient.")
	}
	switch {
	case m.OAuth2.IsNull() && c.Password.IsEmpty():
		refuse("password", "is required without oauth2, here or in the environment variable "+inboxPasswordVariable+".")
	case !m.OAuth2.IsNull() && !m.Password.IsNull():
		refuse("oauth2", "cannot be combined with password. Set one of them.")
	case !m.OAuth2.IsNull():
		token.addTo(&c, dial, func(argument, why string) {
			diags.AddAttributeError(at.AtName("oauth2").AtName(argument), "Provider argument cannot be used", "test_inbox.oauth2."+argument+": "+why)
		})
	}
	if c.Encryption == site.NoEncryption && !loopback.Is(c.Host) {
		refuse("encryption", `"none" would send the password or token in clear text, and is allowed only for a loopback host. Use "tls" or "starttls".`)
	}
	if !m.CACertificate.IsNull() {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(m.CACertificate.ValueString())) {
			refuse("ca_certificate", "contains no certificate; PEM is needed (-----BEGIN CERTIFICATE-----).")
		}
	}
	_, known := inbox.ReceiverOf(c.Host)
	return testInbox{mailbox: inbox.New(c), checksSenders: known || c.Receiver != ""}
}

// checkRequirement refuses a requirement that the configured inbox, if any, cannot check. at is the path of the requirement.
func (t testInbox) checkRequirement(require site.Requirement, at path.Path, diags *diag.Diagnostics) {
	switch {
	case !require.Looks() || t.unknown:
	case t.mailbox == nil:
		diags.AddAttributeError(at, "Test inbox is missing", fmt.Sprintf(
			"%s = %q needs access to the mailbox that receives the test messages. Set test_inbox in the provider's configuration.", at, require))
	case require == site.Authenticated && !t.checksSenders:
		diags.AddAttributeError(at, "Name of the receiving server is missing", fmt.Sprintf(
			"%s = %q trusts only what the receiving server itself reports. Set test_inbox.authserv_id in the provider's configuration to the name at the start of "+
				"the Authentication-Results headers of the messages in that mailbox.", at, require))
	}
}

// Requirement and wait of a test, as configured.

func requirement(value types.String) site.Requirement { return site.Requirement(value.ValueString()) }

// waitFor returns how long to wait for the message to arrive: 0 if the requirement does not need the inbox.
func waitFor(require site.Requirement, wait types.String) time.Duration {
	if !require.Looks() {
		return 0
	}
	if wait.IsNull() {
		return defaultWait
	}
	return parseDuration(wait)
}

const (
	requireDescription = "How far the test message must get. `accepted`: the mail server accepted it. `delivered`: it is in the inbox of the provider's `test_inbox`, not in the " +
		"spam folder. `authenticated`: in addition, the receiving server reports that DMARC passes for the domain of `from_address`. "
	waitDescription = "How long the message may take to arrive, `10s` to `30m`. Added to the timeouts. Default: `2m`."
)

var arrivalTypes = map[string]attr.Type{
	"at": types.StringType, "folder": types.StringType, "spf": types.StringType, "dkim": types.StringType, "dmarc": types.StringType, "by": types.StringType,
}

func arrivalValue(a *site.Arrival) types.Object {
	if a == nil {
		return types.ObjectNull(arrivalTypes)
	}
	return types.ObjectValueMust(arrivalTypes, map[string]attr.Value{
		"at":     timestamp(a.At),
		"folder": types.StringValue(a.Folder),
		"spf":    orNull(a.SPF.Result),
		"dkim":   orNull(a.DKIM.Result),
		"dmarc":  orNull(a.DMARC.Result),
		"by":     orNull(a.Receiver),
	})
}

// knownArrival is stored in private state, because no site knows where a message arrived.
type knownArrival struct {
	// TestedAt and MessageID identify the verification that it belongs to.
	TestedAt  string       `json:"tested_at"`
	MessageID string       `json:"message_id"`
	Arrival   site.Arrival `json:"arrival"`
}

func newKnownArrival(v *site.Verification) *knownArrival {
	if v == nil || v.Arrival == nil {
		return nil
	}
	return &knownArrival{TestedAt: timestamp(v.TestedAt).ValueString(), MessageID: v.MessageID, Arrival: *v.Arrival}
}

// recall returns v, with the arrival if k belongs to v.
func (k *knownArrival) recall(v *site.Verification) *site.Verification {
	if k == nil || v == nil || k.MessageID != v.MessageID || k.TestedAt != timestamp(v.TestedAt).ValueString() {
		return v
	}
	with := *v
	with.Arrival = &k.Arrival
	return &with
}
