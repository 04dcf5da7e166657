package provider_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// TestModuleTakesEverySetting: every setting of the resource is also in the module, with the same meaning and description.
func TestModuleTakesEverySetting(t *testing.T) {
	main, variables := readExample(t, "modules/client-sites", "main.tf"), readExample(t, "modules/client-sites", "variables.tf")
	readme := readExample(t, "modules/client-sites", "README.md")
	columns := map[string]string{"from_name": "name"}
	choices := map[string][]string{"on_destroy": nil}
	for _, how := range site.OnDestroys() {
		choices["on_destroy"] = append(choices["on_destroy"], string(how))
	}
	for _, d := range site.AllSettings() {
		name := d.Name
		if d.Group != "" {
			continue // arguments that are not settings
		}
		column := cmp.Or(columns[name], name)
		if !regexp.MustCompile(`(?m)^  ` + name + ` += .*\b` + column + `\b|^  ` + name + ` = \(`).MatchString(main) {
			t.Errorf("main.tf does not set %s", name)
		}
		if !regexp.MustCompile(`(?m)^    ` + column + ` += optional\(`).MatchString(variables) {
			t.Errorf("the variable clients has no %s", column)
		}
		if row := fmt.Sprintf("\n| %#q | %s", column, d.Description); !strings.Contains(readme, row) {
			t.Errorf("README.md has no row that begins with:%s", row)
		}
		if d.Choices != nil {
			choices[column] = d.Choices
		}
	}
	for column, words := range choices {
		want := column + ` = ["` + strings.Join(words, `", "`) + `"]`
		if !regexp.MustCompile(`(?m)^    ` + regexp.QuoteMeta(want) + `$`).MatchString(main) {
			t.Errorf("main.tf does not list the words %s", want)
		}
	}
	_, clients, _ := strings.Cut(variables, `variable "clients" {`)
	clients, _, _ = strings.Cut(clients, "\n}")
	for _, column := range regexp.MustCompile(`(?m)^    (\w+) += optional\(`).FindAllStringSubmatch(clients, -1) {
		if !strings.Contains(readme, "\n| `"+column[1]+"` | ") {
			t.Errorf("README.md does not say what %s is", column[1])
		}
	}
}

// TestAccClientTable: tables written by spreadsheets are accepted, and errors name line and column.
func TestAccClientTable(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "client-a", "client-b")
	ws := newWorkspace(t, tb.provider()+fmt.Sprintf(`
variable "table" { type = string }
variable "passwords" {
  type      = map(string)
  ephemeral = true
}
module "mail" {
  source      = %q
  clients_csv = var.table
  passwords   = var.passwords
  defaults    = { host = %q, port = %d, encryption = "starttls" }
}
output "off" { value = module.mail.off }
output "servers" { value = keys(module.mail.servers) }
`, filepath.Join(modules(t), "client-sites"), tb.smtp.Host(), tb.smtp.Port()))
	const header = "site,mailbox,enabled,status,port\n"
	for name, c := range map[string]struct {
		table string
		// sites are the planned sites, off those with mail disabled.
		sites, off string
		fails      string
	}{
		"OtherSpelling":        {table: header + "client-a, " + mailbox + " ,FALSE,Active,\nclient-b," + mailbox + ",True,,\n", sites: `["client-a","client-b"]`, off: `["client-a"]`},
		"LeavingInCapitals":    {table: header + "client-a," + mailbox + ",,,\nclient-b," + mailbox + ",, LEAVING ,\n", sites: `["client-a"]`, off: `[]`},
		"ByteOrderMark":        {table: "\ufeff" + header + "client-a," + mailbox + ",,,\r\n", sites: `["client-a"]`, off: `[]`},
		"UnknownWord":          {table: header + "client-a," + mailbox + ",,,\nclient-b," + mailbox + ",nein,,\n", fails: `line 3, column enabled: "nein" must be one of true, false`},
		"UnknownStatus":        {table: header + "client-a," + mailbox + ",,left,\n", fails: `line 2, column status: "left" must be one of`},
		"NoPort":               {table: header + "client-a," + mailbox + ",,,58x\n", fails: `line 2, column port: "58x" is not a port`},
		"NoSite":               {table: header + "," + mailbox + ",,,\n", fails: `line 2 names no site`},
		"Semicolons":           {table: strings.ReplaceAll(header+"client-a,"+mailbox+",,,\n", ",", ";"), fails: `separated by semicolons`},
		"LineWithMissingField": {table: header + "client-a," + mailbox + "\n", fails: `more or fewer cells`},
		"MissingSecret":        {table: header + "client-c," + mailbox + ",,,\n", fails: `client-c logs in with a mailbox of its own, and passwords has no entry for it`},
	} {
		t.Run(name, func(t *testing.T) {
			variables, err := json.Marshal(map[string]any{"table": c.table, "passwords": map[string]string{"client-a": password, "client-b": password}})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(ws.Dir, "terraform.tfvars.json"), variables, 0o600); err != nil {
				t.Fatal(err)
			}
			out, ok := ws.run("plan", "-no-color", "-out=plan")
			if said := strings.Join(strings.Fields(strings.ReplaceAll(out, "│", "")), " "); c.fails != "" {
				if ok || !strings.Contains(said, c.fails) {
					t.Errorf("succeeded: %t, want %q:\n%s", ok, c.fails, out)
				}
				return
			}
			if !ok {
				t.Fatal(out)
			}
			var plan struct {
				Planned struct {
					Outputs map[string]struct{ Value json.RawMessage }
				} `json:"planned_values"`
			}
			if err := json.Unmarshal([]byte(ws.must("show", "-json", "plan")), &plan); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if sites, off := string(plan.Planned.Outputs["servers"].Value), string(plan.Planned.Outputs["off"].Value); sites != c.sites || off != c.off {
				t.Errorf("plans %s sites, %s of them off; want %s and %s", sites, off, c.sites, c.off)
			}
		})
	}
}

// TestAccClientTableWithTokens: one column moves one client, and no other, to a login with a token.
func TestAccClientTableWithTokens(t *testing.T) {
	t.Parallel()
	tokens := oauthtest.Start(t)
	tokens.SetApp("app", oauthtest.App{Secret: secret.New(clientSecret), Mailboxes: []string{mailbox}})
	tb := newTestbed(t, smtptest.Config{CheckToken: tokens.Check}, "client-a", "client-b")
	config := func(application string) string {
		return tb.provider() + fmt.Sprintf(`
module "mail" {
  source      = %q
  clients_csv = "site,mailbox,oauth2\nclient-a,%s,TRUE\nclient-b,%[2]s,\n"
  passwords   = { client-b = %q }
  defaults    = { host = %q, port = %d, encryption = "starttls" }
  %s
}
`, filepath.Join(modules(t), "client-sites"), mailbox, password, tb.smtp.Host(), tb.smtp.Port(), application)
	}
	ws := newWorkspace(t, config(fmt.Sprintf("oauth2 = { client_id = \"app\", token_url = %q, scopes = [%q] }\n  client_secret = %q", tokens.URL(), oauthtest.Scope, clientSecret)))
	ws.must("apply", "-auto-approve", "-no-color")
	for name, grant := range map[string]site.Grant{"client-a": site.ClientCredentials, "client-b": ""} {
		if got := tb.state(name); !got.Enabled || got.Settings.Grant != grant {
			t.Errorf("%s holds %+v", name, got)
		}
	}
	ws.configure(config(""))
	if out, ok := ws.run("plan", "-no-color"); ok || !strings.Contains(strings.Join(strings.Fields(strings.ReplaceAll(out, "│", "")), " "), "client-a logs in with oauth2, and the variable oauth2 is not set") {
		t.Errorf("without the variable oauth2: got %s", out)
	}
}

// TestAccClientTableGrants: the clients log in with a refresh token each, or with one service account for all.
func TestAccClientTableGrants(t *testing.T) {
	t.Parallel()
	tokens := oauthtest.Start(t)
	application := oauthtest.App{Secret: secret.New(clientSecret), Mailboxes: []string{mailbox}, Rotates: true}
	tokens.SetApp("app", application)
	tokens.SetApp("public", oauthtest.App{Mailboxes: []string{mailbox}})
	account, key, err := oauthtest.Account(mailbox)
	if err != nil {
		t.Fatal(err)
	}
	tokens.SetApp("mailer@project.example", account)
	consents := func(clientID string) string {
		return fmt.Sprintf("{ client-a = %q, client-b = %q }", tokens.Consent(clientID, mailbox).Reveal(), tokens.Consent(clientID, mailbox).Reveal())
	}
	tb := newTestbed(t, smtptest.Config{CheckToken: tokens.Check}, "client-a", "client-b")
	config := func(versions [2]int, oauth2, secrets string) string {
		return tb.provider() + fmt.Sprintf(`
module "mail" {
  source      = %q
  clients_csv = "site,mailbox,oauth2,refresh_token_version\nclient-a,%s,true,%d\nclient-b,%[2]s,true,%[4]d\n"
  defaults    = { host = %[5]q, port = %[6]d, encryption = "starttls" }
  oauth2      = { token_url = %[7]q, scopes = [%[8]q], %[9]s }
  %[10]s
}
`, filepath.Join(modules(t), "client-sites"), mailbox, versions[0], versions[1], tb.smtp.Host(), tb.smtp.Port(), tokens.URL(), oauthtest.Scope, oauth2, secrets)
	}
	ws := newWorkspace(t, tb.provider())
	first := consents("app")
	for _, c := range []struct {
		name     string
		versions [2]int
		// oauth2 and secrets are what the module is told, and messages those in all when it was applied.
		oauth2, secrets string
		messages        int
		grant           site.Grant
	}{
		{"RefreshTokens", [2]int{1, 1}, `grant = "refresh_token", client_id = "app"`, fmt.Sprintf("client_secret = %q\n  refresh_tokens = %s", clientSecret, first), 2, site.RefreshToken},
		{"OneRefreshTokenIsNew", [2]int{1, 2}, `grant = "refresh_token", client_id = "app"`, fmt.Sprintf("client_secret = %q\n  refresh_tokens = %s", clientSecret, consents("app")), 3, site.RefreshToken},
		{"WithoutClientSecret", [2]int{2, 3}, `grant = "refresh_token", client_id = "public", client_secret_version = ""`, "refresh_tokens = " + consents("public"), 5, site.RefreshToken},
		{"ServiceAccount", [2]int{2, 3}, `grant = "jwt_bearer", client_id = "mailer@project.example"`, "private_key = " + hcl(key.Reveal()), 7, site.JWTBearer},
		{"ServiceAccountKeyIsNew", [2]int{2, 3}, `grant = "jwt_bearer", client_id = "mailer@project.example", private_key_version = "2"`, "private_key = " + hcl(key.Reveal()), 9, site.JWTBearer},
	} {
		ws.configure(config(c.versions, c.oauth2, c.secrets))
		ws.must("apply", "-auto-approve", "-no-color")
		for _, name := range []string{"client-a", "client-b"} {
			if got := tb.state(name); !got.Enabled || got.Settings.Grant != c.grant {
				t.Errorf("%s: %s holds %+v", c.name, name, got)
			}
		}
		if got := len(tb.smtp.Messages()); got != c.messages {
			t.Errorf("%s: got %d messages, want %d", c.name, got, c.messages)
		}
	}
	ws.configure(config([2]int{4, 4}, `grant = "refresh_token", client_id = "app"`, fmt.Sprintf("client_secret = %q\n  refresh_tokens = { client-a = \"r\" }", clientSecret)))
	if out, ok := ws.run("plan", "-no-color"); ok || !strings.Contains(out, "Refresh token is missing") || !strings.Contains(out, `with module.mail.smtp_settings.client["client-b"]`) || strings.Contains(out, `with module.mail.smtp_settings.client["client-a"]`) {
		t.Errorf("a client without a refresh token: got %s", out)
	}
}
