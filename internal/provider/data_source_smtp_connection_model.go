package provider

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

type connectionModel struct {
	Preset         types.String      `tfsdk:"preset"`
	Region         types.String      `tfsdk:"region"`
	Host           types.String      `tfsdk:"host"`
	Port           types.Int64       `tfsdk:"port"`
	Encryption     types.String      `tfsdk:"encryption"`
	HELOName       types.String      `tfsdk:"helo_name"`
	Timeout        types.String      `tfsdk:"timeout"`
	CACertificate  types.String      `tfsdk:"ca_certificate"`
	OK             types.Bool        `tfsdk:"ok"`
	Failure        *failureModel     `tfsdk:"failure"`
	Text           types.String      `tfsdk:"text"`
	Addresses      []string          `tfsdk:"addresses"`
	RemoteAddress  types.String      `tfsdk:"remote_address"`
	Banner         types.String      `tfsdk:"banner"`
	STARTTLS       types.Bool        `tfsdk:"starttls"`
	TLSVersion     types.String      `tfsdk:"tls_version"`
	Certificate    *certificateModel `tfsdk:"certificate"`
	AuthMechanisms []string          `tfsdk:"auth_mechanisms"`
	SizeLimit      types.Int64       `tfsdk:"size_limit"`
	Stages         []stageModel      `tfsdk:"stages"`
}

type failureModel struct {
	Stage     string       `tfsdk:"stage"`
	Reply     types.String `tfsdk:"reply"`
	Error     types.String `tfsdk:"error"`
	ID        string       `tfsdk:"id"`
	Summary   string       `tfsdk:"summary"`
	Cause     string       `tfsdk:"cause"`
	Remedy    string       `tfsdk:"remedy"`
	Attribute types.String `tfsdk:"attribute"`
	Retry     string       `tfsdk:"retry"`
	URL       types.String `tfsdk:"url"`
}

type certificateModel struct {
	Names     []string     `tfsdk:"names"`
	Issuer    string       `tfsdk:"issuer"`
	NotBefore types.String `tfsdk:"not_before"`
	NotAfter  types.String `tfsdk:"not_after"`
	Trusted   bool         `tfsdk:"trusted"`
}

// unknownAuthority is the ID of the diagnosis that the argument ca_certificate remedies.
const unknownAuthority = "tls-cert-unknown-authority"

type stageModel struct {
	Stage        string `tfsdk:"stage"`
	Milliseconds int64  `tfsdk:"milliseconds"`
}

func (m *connectionModel) toSettingsModel() settingsModel {
	return settingsModel{
		Preset: m.Preset, Region: m.Region,
		settingValues: settingValues{Host: m.Host, Port: m.Port, Encryption: m.Encryption, HELOName: m.HELOName},
	}
}

// toSettings returns where and how to connect.
func (m *connectionModel) toSettings() site.Settings {
	config := m.toSettingsModel()
	resolved := config
	resolved.resolveEndpoint(config)
	return resolved.toSettings()
}

// rootCAs returns the authorities that this machine trusts plus those in ca_certificate. Nil stands for the former alone.
func (m *connectionModel) rootCAs() *x509.CertPool {
	if m.CACertificate.ValueString() == "" {
		return nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	// The validator has checked that there is a certificate.
	roots.AppendCertsFromPEM([]byte(m.CACertificate.ValueString()))
	return roots
}

func checkCACertificate(pem string) error {
	if !x509.NewCertPool().AppendCertsFromPEM([]byte(pem)) {
		return errors.New("contains no certificate; PEM is needed (-----BEGIN CERTIFICATE-----)")
	}
	return nil
}

// fromProbe fills in what a probe with these settings found.
func (m *connectionModel) fromProbe(s site.Settings, p submit.Probe) {
	m.Host = types.StringValue(s.Host)
	m.Port = types.Int64Value(int64(s.Port))
	m.Encryption = types.StringValue(string(s.Encryption))
	m.HELOName = orDefault(m.HELOName, orNull(p.HELOName))
	m.OK = types.BoolValue(p.Result.Status == site.Passed)
	text := passedText(s, p.TLS)
	if !m.OK.ValueBool() {
		m.Failure, text = fromFailure(s, p.Result)
	}
	m.Text = types.StringValue(text)
	m.Addresses = append([]string{}, p.Addresses...)
	m.RemoteAddress = orNull(p.RemoteAddress)
	m.Banner = orNull(p.Banner)
	if p.HELOName != "" && s.Encryption != site.TLS {
		m.STARTTLS = types.BoolValue(p.STARTTLS)
	}
	if p.TLS != nil {
		m.TLSVersion = types.StringValue(p.TLS.Version)
		m.Certificate = fromCertificate(*p.TLS)
	}
	m.AuthMechanisms = append([]string{}, p.AuthMechanisms...)
	if p.SizeLimit > 0 {
		m.SizeLimit = types.Int64Value(p.SizeLimit)
	}
	m.Stages = []stageModel{}
	for _, passed := range p.Result.Stages {
		m.Stages = append(m.Stages, stageModel{string(passed.Stage), passed.Duration.Milliseconds()})
	}
}

func fromCertificate(seen submit.ProbeTLS) *certificateModel {
	return &certificateModel{
		Names:     append([]string{}, seen.Certificate.Names...),
		Issuer:    seen.Certificate.Issuer,
		NotBefore: timestamp(seen.NotBefore),
		NotAfter:  timestamp(seen.Certificate.NotAfter),
		Trusted:   seen.Trusted,
	}
}

// fromFailure returns a failure and its text. The text omits how long each stage took, because it would then differ, and change
// outputs, in every plan.
func fromFailure(s site.Settings, r site.TestResult) (*failureModel, string) {
	r.Stages = slices.Clone(r.Stages)
	for i := range r.Stages {
		r.Stages[i].Duration = 0
	}
	failure := diagnosis.Failure{Result: r, Settings: s, Machine: thisMachine}
	verdict := failure.Diagnosis()
	if verdict.ID == unknownAuthority {
		failure.Advice = "Here, set ca_certificate to the certificate of that authority."
	}
	m := &failureModel{
		Stage:   string(r.Stage),
		Error:   orNull(r.Error),
		ID:      verdict.ID,
		Summary: verdict.Summary,
		Cause:   verdict.Cause,
		Remedy:  strings.TrimSpace(verdict.Remedy + " " + failure.Advice),
		Retry:   string(verdict.Retry),
		URL:     orNull(verdict.URL),
	}
	if _, ours := connectionArguments()[verdict.Attribute]; ours {
		m.Attribute = types.StringValue(verdict.Attribute)
	}
	if r.Reply != nil {
		m.Reply = types.StringValue(r.Reply.String())
	}
	// Terraform trims leading white space from a message, so the indented page cannot come first.
	return m, fmt.Sprintf("%s: %s.\n\n%s", s.Host, verdict.Summary, failure.Text())
}

// passedText describes a usable server, and when its certificate expires.
func passedText(s site.Settings, seen *submit.ProbeTLS) string {
	text := fmt.Sprintf("%s: port %d can be used from this machine with encryption = %q.", s.Host, s.Port, s.Encryption)
	if seen != nil {
		text += fmt.Sprintf(" The certificate expires on %s.", seen.Certificate.NotAfter.UTC().Format(time.DateOnly))
	}
	return text
}
