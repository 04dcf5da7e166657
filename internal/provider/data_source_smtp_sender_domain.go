package provider

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/sender"
)

var _ datasource.DataSource = smtpSenderDomainDataSource{}

type smtpSenderDomainDataSource struct{}

const (
	defaultDNSTimeout = 10 * time.Second
	minDNSTimeout     = 100 * time.Millisecond
	maxDNSTimeout     = time.Minute
)

func newSMTPSenderDomainDataSource() datasource.DataSource { return smtpSenderDomainDataSource{} }

func (smtpSenderDomainDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_sender_domain"
}

func (smtpSenderDomainDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	attributes := senderDomainArguments()
	maps.Copy(attributes, senderDomainResults())
	resp.Schema = schema.Schema{
		MarkdownDescription: "What the DNS says about a domain that mail is sent from: SPF, DKIM, DMARC, and whether they cover a mail service.\n\n" +
			"A misconfigured domain does not fail the run: `ok` is false and `text` says why. A `check` block can warn about it, and a `postcondition` can stop the run. " +
			"`text` changes only if the DNS does.\n\nCorrect DNS records do not prove that mail arrives: `test.require = \"authenticated\"` checks that with a receiver. " +
			"The provider knows, from their documentation, what these mail services require: " + factPresets(func(sender.Facts) bool { return true }) + ". That may have changed since. " +
			"It assumes nothing about values that differ by account.",
		Attributes: attributes,
	}
}

func senderDomainArguments() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"domain": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Domain of `from_address`, in lower case and ASCII, such as `client.example`.",
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1), text{check: sender.CheckDomain}},
		},
		"preset": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "ID of the mail service that sends the mail. Without it, only the domain is checked.",
			Validators:          []validator.String{presetID{}},
		},
		"dkim_selectors": schema.SetAttribute{
			Optional:            true,
			ElementType:         types.StringType,
			MarkdownDescription: "DKIM selectors to look for in addition to those of the preset. Needed if the service gives each account different selectors.",
			Validators: []validator.Set{
				setvalidator.SizeAtMost(10), setvalidator.ValueStringsAre(stringvalidator.LengthAtLeast(1), text{check: sender.CheckSelector}),
			},
		},
		"nameserver": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "IP address of the name server to query, with an optional port, such as a public resolver if this machine uses split-horizon DNS, or an authoritative server of the " +
				"zone right after a change. Default: the name servers of this machine.",
			Validators: []validator.String{stringvalidator.LengthAtLeast(1), text{check: checkNameserver}},
		},
		"timeout": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Timeout for all queries together, `100ms` to `1m`. Default: `10s`.",
			Validators:          []validator.String{duration{atLeast: minDNSTimeout, atMost: maxDNSTimeout}},
		},
	}
}

// senderDomainResults are the attributes for what was found. Text from the DNS has been cleaned.
func senderDomainResults() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"ok":   schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether there is no finding of level `error`."},
		"text": found("The verdict and the findings in words. Never null, so it can be an `error_message`."),
		"spf_covers": schema.BoolAttribute{
			Computed:            true,
			MarkdownDescription: "Whether the domain's SPF record allows the service to send. Null if that cannot be determined, or does not matter because the service sends with a bounce address of its own, as many do.",
		},
		"dkim_covers": schema.BoolAttribute{
			Computed:            true,
			MarkdownDescription: "Whether a DKIM key of the service is published. Null if its selectors are not known.",
		},
		"spf": schema.SingleNestedAttribute{
			Computed:            true,
			MarkdownDescription: "The SPF record; null if there is none, or more than one.",
			Attributes: map[string]schema.Attribute{
				"record":  found("The record, cut off after 4,096 characters."),
				"lookups": schema.Int64Attribute{Computed: true, MarkdownDescription: "Number of DNS lookups that it takes. More than 10 make it invalid (RFC 7208); counting stops at 11."},
			},
		},
		"dkim": schema.MapNestedAttribute{
			Computed:            true,
			MarkdownDescription: "What was found at each DKIM selector.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"found":  schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether there is a key that is not revoked."},
				"target": found("Target of the CNAME record at that name; null if there is none, or if it was not queried."),
			}},
		},
		"dmarc": schema.SingleNestedAttribute{
			Computed:            true,
			MarkdownDescription: "The DMARC record that applies; null if there is none that receivers can use.",
			Attributes: map[string]schema.Attribute{
				"domain": found("Domain that the record belongs to: the domain itself, or one above it (RFC 9989 section 4.10)."),
				"record": found("The record, cut off after 4,096 characters."),
				"policy": found("Policy that it requests from receivers for this domain: `none`, `quarantine` or `reject`."),
			},
		},
		"findings": schema.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: "Problems found, errors first.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"id":     found("ID of the problem, such as `unauthenticated`, `spf-multiple` or `dkim-dangling`. IDs do not change between versions."),
				"level":  found("`error`: mail is likely to be rejected or filed as spam. `warning`: mail may be delivered."),
				"text":   found("Description of the problem."),
				"remedy": found("What to do; may be empty."),
			}},
		},
		"expected_records": schema.MapNestedAttribute{
			Computed: true,
			MarkdownDescription: "DKIM records that the service requires, by name, if they follow from the domain alone. For `for_each` in a resource for DNS records. " +
				"Not empty for " + factPresets(func(f sender.Facts) bool { return len(f.Expected("client.example")) > 0 }) + "; for most other services, the service's own Terraform " +
				"resources return the values. Derived without a DNS query.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"name":  found("Full name of the record, without a final dot."),
				"type":  found("`CNAME`."),
				"value": found("Target of the record, without a final dot."),
			}},
		},
		"spf_term": found("Term that the SPF record needs for the service, such as `include:spf.messagingengine.com`; null if it needs none or that is not known. A domain has one SPF record: merge the term into it."),
	}
}

// factPresets lists the presets whose facts match.
func factPresets(which func(sender.Facts) bool) string {
	var ids []string
	for _, f := range sender.All() {
		if which(f) {
			ids = append(ids, "`"+f.Preset+"`")
		}
	}
	return strings.Join(ids, ", ")
}

// checkNameserver accepts only IP addresses: a name would have to be looked up first.
func checkNameserver(value string) error {
	if _, err := toNameserver(value); err != nil {
		return errors.New("must be an IP address such as 9.9.9.9, with an optional port: 127.0.0.1:5353 or [::1]:5353")
	}
	return nil
}

// toNameserver returns the host and port of a name server. The default port is 53.
func toNameserver(value string) (string, error) {
	if address, err := netip.ParseAddr(value); err == nil {
		return net.JoinHostPort(address.String(), "53"), nil
	}
	address, err := netip.ParseAddrPort(value)
	return address.String(), err
}

func (smtpSenderDomainDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model senderDomainModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	timeout := defaultDNSTimeout
	if !model.Timeout.IsNull() {
		timeout = parseDuration(model.Timeout)
	}
	asking, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var checker sender.Checker
	if !model.Nameserver.IsNull() {
		address, _ := toNameserver(model.Nameserver.ValueString()) // checked by the validator
		checker.Resolver = sender.Nameserver(address)
	}
	report := checker.Check(asking, model.toRequest())
	if ctx.Err() != nil {
		resp.Diagnostics.AddError("Cancelled", "The domain was not checked, because Terraform was interrupted.")
		return
	}
	model.fromReport(report)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

type senderDomainModel struct {
	Domain          types.String              `tfsdk:"domain"`
	Preset          types.String              `tfsdk:"preset"`
	DKIMSelectors   types.Set                 `tfsdk:"dkim_selectors"`
	Nameserver      types.String              `tfsdk:"nameserver"`
	Timeout         types.String              `tfsdk:"timeout"`
	OK              types.Bool                `tfsdk:"ok"`
	Text            types.String              `tfsdk:"text"`
	SPFCovers       types.Bool                `tfsdk:"spf_covers"`
	DKIMCovers      types.Bool                `tfsdk:"dkim_covers"`
	SPF             *spfModel                 `tfsdk:"spf"`
	DKIM            map[string]dkimModel      `tfsdk:"dkim"`
	DMARC           *dmarcModel               `tfsdk:"dmarc"`
	Findings        []findingModel            `tfsdk:"findings"`
	ExpectedRecords map[string]dnsRecordModel `tfsdk:"expected_records"`
	SPFTerm         types.String              `tfsdk:"spf_term"`
}

type spfModel struct {
	Record  string `tfsdk:"record"`
	Lookups int64  `tfsdk:"lookups"`
}

type dkimModel struct {
	Found  bool         `tfsdk:"found"`
	Target types.String `tfsdk:"target"`
}

type dmarcModel struct {
	Domain string `tfsdk:"domain"`
	Record string `tfsdk:"record"`
	Policy string `tfsdk:"policy"`
}

type findingModel struct {
	ID     string `tfsdk:"id"`
	Level  string `tfsdk:"level"`
	Text   string `tfsdk:"text"`
	Remedy string `tfsdk:"remedy"`
}

type dnsRecordModel struct {
	Name  string `tfsdk:"name"`
	Type  string `tfsdk:"type"`
	Value string `tfsdk:"value"`
}

func (m *senderDomainModel) toRequest() sender.Request {
	return sender.Request{Domain: m.Domain.ValueString(), Preset: m.Preset.ValueString(), Selectors: setStrings(m.DKIMSelectors)}
}

// fromReport fills in what was found, and what the service expects.
func (m *senderDomainModel) fromReport(r sender.Report) {
	m.OK, m.Text = types.BoolValue(r.OK()), types.StringValue(r.Text())
	m.SPFCovers, m.DKIMCovers = coverage(r.SPFCovers), coverage(r.DKIMCovers)
	if r.SPF != nil {
		m.SPF = &spfModel{r.SPF.Record, int64(r.SPF.Lookups)}
	}
	m.DKIM = map[string]dkimModel{}
	for _, k := range r.Keys {
		m.DKIM[k.Selector] = dkimModel{k.Found, orNull(k.Target)}
	}
	if r.DMARC != nil {
		m.DMARC = &dmarcModel{r.DMARC.Domain, r.DMARC.Record, r.DMARC.Policy}
	}
	m.Findings = []findingModel{}
	for _, f := range r.Findings {
		m.Findings = append(m.Findings, findingModel{f.ID, string(f.Level), f.Text, f.Remedy})
	}
	facts, _ := sender.FactsOf(m.Preset.ValueString())
	m.ExpectedRecords = map[string]dnsRecordModel{}
	for _, record := range facts.Expected(m.Domain.ValueString()) {
		m.ExpectedRecords[record.Name] = dnsRecordModel{record.Name, record.Type, record.Value}
	}
	m.SPFTerm = orNull(facts.SPFTerm())
}

// coverage returns null if coverage could not be determined.
func coverage(c sender.Coverage) types.Bool {
	if c == sender.Unknown {
		return types.BoolNull()
	}
	return types.BoolValue(c == sender.Covered)
}
