package page

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// field is one line of the settings form.
type field struct {
	Name, Label string
	// Type is that of the input; Options make it a choice instead.
	Type, Value  string
	Options      []option
	Hint, Error  string
	Autocomplete string
	// Saved is what is saved where that differs from Value, which was entered and refused.
	Saved string
}

// option is a value with its words.
type option struct{ Value, Text string }

// label is a setting in the words of the page.
func label(name string) string {
	if d, ok := site.SettingByName(name); ok {
		return d.Label
	}
	if name == "client_secret" {
		return "Client secret"
	}
	return "Password"
}

// labelled replaces names of the API by the labels of the page.
var labelled = func() *strings.Replacer {
	pairs := []string{"recipient ", "test address ", "client_secret", label("client_secret")}
	for _, d := range site.AllSettings() {
		if strings.Contains(d.Name, "_") {
			pairs = append(pairs, d.Name, d.Label)
		}
	}
	return strings.NewReplacer(pairs...)
}()

// inWords gives a sentence of the API in the words of the page.
func inWords(detail string) string { return sentence(labelled.Replace(detail)) }

// choices are those of settings that are one of a few values, in the words of the page.
var choices = map[string][]option{"encryption": {
	{string(site.STARTTLS), "STARTTLS (usual on port 587)"},
	{string(site.TLS), "TLS from the start (usual on port 465)"},
	{string(site.NoEncryption), "None (only to this machine)"},
}, "grant": {
	{"", "The password"},
	{string(site.ClientCredentials), "A token for the application (client credentials)"},
	{string(site.RefreshToken), "A token that a person allowed (refresh token)"},
	{string(site.JWTBearer), "A token for a service account (private key)"},
}}

// inputs are the types of the inputs for formats that are not plain text.
var inputs = map[site.Format]string{site.PortNumber: "number", site.MailAddress: "email", site.TokenEndpoint: "url"}

// fieldsOf are the fields with what is saved, by name.
func fieldsOf(o core.Overview) map[string]*field {
	fields := map[string]*field{
		"password": {Name: "password", Label: label("password"), Type: "password", Autocomplete: "new-password"},
		"client_secret": {
			Name: "client_secret", Label: label("client_secret"), Type: "password", Autocomplete: "new-password",
			Hint: "Only beside a refresh token, where the application has a secret. Enter both together.",
		},
	}
	for _, d := range site.AllSettings() {
		f := &field{Name: d.Name, Label: d.Label, Hint: d.Hint, Type: cmp.Or(inputs[d.Format], "text"), Value: d.Text(o.Settings)}
		if d.Stage == site.StageAuth || d.OfToken() {
			f.Autocomplete = "off"
		}
		if d.Format == site.Choice {
			f.Options = optionsOf(d)
		}
		fields[d.Name] = f
	}
	return fields
}

func optionsOf(d site.Setting) []option {
	options := []option{{"", "Choose …"}}
	for _, value := range d.Choices {
		options = append(options, option{value, value})
	}
	for _, known := range choices[d.Name] {
		for i := range options {
			if options[i].Value == known.Value {
				options[i].Text = known.Text
			}
		}
	}
	return options
}

// inServer are the settings with a place of their own on the page.
var inServer = []string{"host", "port", "encryption"}

// Sender are the fields that belong neither to the server nor to the login.
func (m *mail) Sender() []*field {
	var fields []*field
	for _, d := range site.AllSettings() {
		if !slices.Contains(inServer, d.Name) && d.Stage != site.StageAuth && !d.OfToken() {
			fields = append(fields, m.Fields[d.Name])
		}
	}
	return fields
}
