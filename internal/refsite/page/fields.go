package page

import (
	"fmt"

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

// labels are the settings in the words of the page.
var labels = map[string]string{
	"host": "Host", "port": "Port", "encryption": "Encryption", "username": "Username", "password": "Password",
	"from_address": "From address", "from_name": "From name", "helo_name": "HELO name",
	"grant": "Login with", "token_url": "Token URL", "client_id": "Client ID", "scopes": "Scopes",
}

var encryptions = []option{
	{"", "Choose …"},
	{string(site.STARTTLS), "STARTTLS (usual on port 587)"},
	{string(site.TLS), "TLS from the start (usual on port 465)"},
	{string(site.NoEncryption), "None (only to this machine)"},
}

var grants = []option{
	{"", "The password"},
	{string(site.ClientCredentials), "A token (OAuth 2.0 client credentials)"},
}

// fieldsOf are the fields with what is saved, by name.
func fieldsOf(o core.Overview) map[string]*field {
	fields := map[string]*field{
		"password":     {Type: "password", Autocomplete: "new-password"},
		"host":         {Type: "text", Hint: "The name of the submission server, without a port."},
		"port":         {Type: "number"},
		"encryption":   {Options: encryptions},
		"username":     {Type: "text", Autocomplete: "off", Hint: "Usually the mail address. Leave it empty for a server without login."},
		"grant":        {Options: grants, Hint: "With a token, the password above is the client secret."},
		"token_url":    {Type: "url", Autocomplete: "off", Hint: "For Microsoft 365: https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token"},
		"client_id":    {Type: "text", Autocomplete: "off", Hint: "The application (client) ID."},
		"scopes":       {Type: "text", Autocomplete: "off", Hint: "For Microsoft 365: https://outlook.office365.com/.default"},
		"from_address": {Type: "email", Hint: "Left empty, it is the username where that is an address."},
		"from_name":    {Type: "text", Hint: "May be empty."},
		"helo_name":    {Type: "text", Hint: "What the site calls itself to the server. Empty leaves the choice to the site."},
	}
	for _, f := range o.Settings.Fields() {
		fields[f.Name].Value = fmt.Sprint(f.Value)
	}
	if o.Settings.Port == 0 {
		fields["port"].Value = ""
	}
	for name, f := range fields {
		f.Name, f.Label = name, labels[name]
	}
	return fields
}
