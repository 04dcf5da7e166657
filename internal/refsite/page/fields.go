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
	// Type is the type of the input. With Options, the field is a select instead.
	Type, Value  string
	Options      []option
	Hint, Error  string
	Autocomplete string
	// Saved is the saved value if Value was entered and refused.
	Saved string
}

// option is a value with its label.
type option struct{ Value, Text string }

// label returns the page's label of a field.
func label(name string) string {
	if d, ok := site.SettingByName(name); ok {
		return d.Label
	}
	if name == "client_secret" {
		return "Client secret"
	}
	return "Password"
}

// labelled replaces field names of the API by the labels of the page.
var labelled = func() *strings.Replacer {
	pairs := []string{"recipient ", "test address ", "client_secret", label("client_secret")}
	for _, d := range site.AllSettings() {
		if strings.Contains(d.Name, "_") {
			pairs = append(pairs, d.Name, d.Label)
		}
	}
	return strings.NewReplacer(pairs...)
}()

// inWords turns an error detail of the API into a sentence with the labels of the page.
func inWords(detail string) string { return sentence(labelled.Replace(detail)) }

// choices are the labels of the values of settings with fixed choices.
var choices = map[string][]option{"encryption": {
	{string(site.STARTTLS), "STARTTLS (usual on port 587)"},
	{string(site.TLS), "TLS from the start (usual on port 465)"},
	{string(site.NoEncryption), "None (only to this machine)"},
}, "grant": {
	{"", "The password"},
	{string(site.ClientCredentials), "A token for the application (client credentials)"},
	{string(site.RefreshToken), "A token with a person's consent (refresh token)"},
	{string(site.JWTBearer), "A token for a service account (private key)"},
}}

// inputs are the input types of formats other than plain text.
var inputs = map[site.Format]string{site.PortNumber: "number", site.MailAddress: "email", site.TokenEndpoint: "url"}

// fieldsOf returns the fields by name, filled with what is saved.
func fieldsOf(o core.Overview) map[string]*field {
	fields := map[string]*field{
		"password": {Name: "password", Label: label("password"), Type: "password", Autocomplete: "new-password"},
		"client_secret": {
			Name: "client_secret", Label: label("client_secret"), Type: "password", Autocomplete: "new-password",
			Hint: "Only with a refresh token, if the application has a secret. Enter both together.",
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

// inServer are the settings in the Server section of the page.
var inServer = []string{"host", "port", "encryption"}

// Sender returns the fields that belong neither to the server nor to the login.
func (m *mail) Sender() []*field {
	var fields []*field
	for _, d := range site.AllSettings() {
		if !slices.Contains(inServer, d.Name) && d.Stage != site.StageAuth && !d.OfToken() {
			fields = append(fields, m.Fields[d.Name])
		}
	}
	return fields
}
