package provider

import (
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/platform"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Defaults and bounds of the provider's arguments.
const (
	minRequestTimeout    = time.Second
	maxRetries           = 10
	minRequestsPerSecond = 0.01
	// defaultTestConcurrency equals Terraform's default parallelism.
	defaultTestConcurrency = 10

	onUnreachableError = "error"
	onUnreachableWarn  = "warn"

	// onlySite is the key of the only site if the provider has no sites argument.
	onlySite = "default"
)

type providerModel struct {
	entryModel
	Sites           types.Map    `tfsdk:"sites"`
	TestConcurrency types.Int64  `tfsdk:"test_concurrency"`
	TestInbox       types.Object `tfsdk:"test_inbox"`
}

type entryModel struct {
	URL                types.String  `tfsdk:"url"`
	Platform           types.String  `tfsdk:"platform"`
	Token              types.String  `tfsdk:"token"`
	Username           types.String  `tfsdk:"username"`
	Password           types.String  `tfsdk:"password"`
	Repin              types.Bool    `tfsdk:"repin"`
	TestRecipient      types.String  `tfsdk:"test_recipient"`
	CACertificate      types.String  `tfsdk:"ca_certificate"`
	ClientCertificate  types.String  `tfsdk:"client_certificate"`
	InsecureSkipVerify types.Bool    `tfsdk:"insecure_skip_verify"`
	RequestTimeout     types.String  `tfsdk:"request_timeout"`
	MaxRetries         types.Int64   `tfsdk:"max_retries"`
	RequestsPerSecond  types.Float64 `tfsdk:"requests_per_second"`
	Concurrency        types.Int64   `tfsdk:"concurrency"`
	ReadAhead          types.Bool    `tfsdk:"read_ahead"`
	LocalCheck         types.Bool    `tfsdk:"local_check"`
	OnUnreachable      types.String  `tfsdk:"on_unreachable"`
}

// toSites builds the registry of sites. It sends no requests; sites with unknown arguments stay unknown until the apply.
func (m providerModel) toSites(pool *adminapi.Pool, diags *diag.Diagnostics) *sites {
	registry := &sites{
		entries: map[string]*entry{},
		unknown: m.Sites.IsUnknown(),
		pool:    pool,
		limiter: site.NewTestLimiter(int(orDefault(m.TestConcurrency, types.Int64Value(defaultTestConcurrency)).ValueInt64()), diagnosis.TooFast),
	}
	if m.Sites.IsNull() {
		if only := m.fromEnvironment(); !only.URL.IsNull() {
			registry.entries[onlySite] = registry.open(onlySite, only, path.Empty(), diags)
		}
		return registry
	}
	for key, value := range m.Sites.Elements() {
		object, ok := value.(types.Object)
		if !ok || object.IsUnknown() {
			registry.entries[key] = &entry{key: key, label: key, unknown: true, address: "key " + key}
			continue
		}
		var own entryModel
		fill(&own, object)
		registry.entries[key] = registry.open(key, own.withDefaults(m.entryModel), path.Root("sites").AtMapKey(key), diags)
	}
	return registry
}

// fromEnvironment fills in, from environment variables, what the configuration of the only site omits.
func (m entryModel) fromEnvironment() entryModel {
	fill := func(value *types.String, variable string) {
		if set := os.Getenv(variable); value.IsNull() && set != "" {
			*value = types.StringValue(set)
		}
	}
	fill(&m.URL, "SMTP_SITE_URL")
	fill(&m.Platform, "SMTP_SITE_PLATFORM")
	if m.Username.IsNull() {
		fill(&m.Token, "SMTP_SITE_TOKEN")
	}
	if m.Token.IsNull() {
		fill(&m.Username, "SMTP_SITE_USERNAME")
		fill(&m.Password, "SMTP_SITE_PASSWORD")
	}
	return m
}

// withDefaults fills in, from the provider's own arguments, what an entry of sites omits.
func (m entryModel) withDefaults(defaults entryModel) entryModel {
	m.TestRecipient = orDefault(m.TestRecipient, defaults.TestRecipient)
	m.CACertificate = orDefault(m.CACertificate, defaults.CACertificate)
	m.ClientCertificate = orDefault(m.ClientCertificate, defaults.ClientCertificate)
	m.InsecureSkipVerify = orDefault(m.InsecureSkipVerify, defaults.InsecureSkipVerify)
	m.RequestTimeout = orDefault(m.RequestTimeout, defaults.RequestTimeout)
	m.MaxRetries = orDefault(m.MaxRetries, defaults.MaxRetries)
	m.RequestsPerSecond = orDefault(m.RequestsPerSecond, defaults.RequestsPerSecond)
	m.Concurrency = orDefault(m.Concurrency, defaults.Concurrency)
	m.ReadAhead = orDefault(m.ReadAhead, defaults.ReadAhead)
	m.LocalCheck = orDefault(m.LocalCheck, defaults.LocalCheck)
	m.OnUnreachable = orDefault(m.OnUnreachable, defaults.OnUnreachable)
	return m
}

func orDefault[T attr.Value](value, byDefault T) T {
	if value.IsNull() {
		return byDefault
	}
	return value
}

// isUnknown reports whether an argument is unknown that determines which site answers or how to reach it.
func (m entryModel) isUnknown() bool {
	for _, value := range []attr.Value{
		m.URL, m.Platform, m.Token, m.Username, m.Password, m.CACertificate, m.ClientCertificate, m.InsecureSkipVerify,
		m.RequestTimeout, m.MaxRetries, m.RequestsPerSecond, m.Concurrency, m.OnUnreachable,
	} {
		if value.IsUnknown() {
			return true
		}
	}
	return false
}

// toConfig converts a model without unknown values.
func (m entryModel) toConfig() platform.Config {
	limits := adminapi.DefaultLimits()
	if !m.RequestTimeout.IsNull() {
		limits.RequestTimeout = parseDuration(m.RequestTimeout)
	}
	if !m.MaxRetries.IsNull() {
		limits.MaxRetries = int(m.MaxRetries.ValueInt64())
	}
	if !m.RequestsPerSecond.IsNull() {
		limits.RequestsPerSecond = m.RequestsPerSecond.ValueFloat64()
	}
	if !m.Concurrency.IsNull() {
		limits.Concurrency = int(m.Concurrency.ValueInt64())
	}
	return platform.Config{
		Platform: m.Platform.ValueString(),
		API: adminapi.Config{
			URL:    m.URL.ValueString(),
			Limits: limits,
			TLS: adminapi.TLS{
				CACertificate:      []byte(m.CACertificate.ValueString()),
				ClientCertificate:  []byte(m.ClientCertificate.ValueString()),
				ClientKey:          secret.New(m.ClientCertificate.ValueString()),
				InsecureSkipVerify: m.InsecureSkipVerify.ValueBool(),
			},
		},
		Account: adminapi.Account{
			Token:    secret.New(m.Token.ValueString()),
			Username: m.Username.ValueString(),
			Password: secret.New(m.Password.ValueString()),
		},
	}
}
