package provider_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/itchyny/gojq"

	"github.com/sitemail/terraform-provider-smtp/internal/platform"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

const (
	agencySites   = 200
	agencyRelay   = "sites@agency.example"
	agencyMailbox = "ops@agency.example"
	wrongPassword = "not the mailbox's"
)

// agencyColumns are the columns of the example's table, plus those that replace a preset by a server on this machine.
var agencyColumns = strings.Split("site,url,platform,admin,status,enabled,mailbox,name,host,port,encryption,password_version,on_destroy", ",")

// agency is the example with hundreds of sites of all platforms, with a table from this test. Only the addresses of module and relay are
// overridden.
type agency struct {
	*testbed
	ws      workspace
	clients []map[string]string
	secrets map[string]string
	// products are the sites on other platforms than siteadmin and WordPress.
	products map[string]*platformSite
	// passwords are the passwords of clients with their own mailbox.
	passwords map[string]string
}

func startAgency(t *testing.T) *agency {
	t.Helper()
	a := &agency{ws: emptyWorkspace(t), products: map[string]*platformSite{}, secrets: map[string]string{}, passwords: map[string]string{}}
	users := map[string]secret.Text{agencyRelay: secret.New(password)}
	var sites []string
	for i := range agencySites {
		key := fmt.Sprintf("client-%03d", i)
		sites = append(sites, key)
		users[ownMailbox(key)] = secret.New(password)
	}
	a.testbed = startTestbed(t, smtptest.Config{Users: users}, sites...)
	wordpress := a.startWordPress()
	for i, key := range sites {
		client := map[string]string{
			"site": key, "url": a.http.URL + "/" + key, "platform": platform.SiteAdmin, "mailbox": ownMailbox(key), "name": "Client, No. " + number(i),
		}
		a.secrets[key] = a.tokens[key]
		switch {
		case i < 4:
			name := []string{platform.PocketBase, platform.Listmonk}[i%2]
			s := a.startPlatform(name)
			client["url"], client["platform"], client["admin"] = s.URL, name, s.Username
			a.products[key], a.secrets[key] = s, s.Password
			if name == platform.Listmonk {
				client["on_destroy"] = "keep"
			}
		case i < 50:
			client["url"], client["platform"], client["admin"] = wordpress+"/"+key, platform.WordPress, "terraform"
		}
		if i%4 == 0 {
			client["host"], client["port"], client["encryption"] = a.smtp.Host(), number(a.smtp.Port()), "starttls"
			a.passwords[key] = password
		}
		a.clients = append(a.clients, client)
	}
	main := copyExample(t, "agency", a.ws.Dir)
	a.write("override.tf", fmt.Sprintf("module \"mail\" {\n  source = %q\n  defaults = {\n    host = %q\n    port = %d\n    encryption = \"starttls\"\n    username = %q\n  }\n}\n",
		filepath.Join(modules(t), "client-sites"), a.smtp.Host(), a.smtp.Port(), agencyRelay))
	a.save()
	a.ws.init(main)
	return a
}

func ownMailbox(key string) string { return "hello@" + key + ".example" }

// save writes the table and the secrets.
func (a *agency) save() {
	a.t.Helper()
	var table bytes.Buffer
	w := csv.NewWriter(&table)
	_ = w.Write(agencyColumns)
	for _, client := range a.clients {
		cells := make([]string, len(agencyColumns))
		for i, column := range agencyColumns {
			cells[i] = client[column]
		}
		_ = w.Write(cells)
	}
	w.Flush()
	a.write("clients.csv", table.String())
	variables, err := json.Marshal(map[string]any{"site_secrets": a.secrets, "mail_passwords": a.passwords, "relay_password": password})
	if err != nil {
		a.t.Fatal(err)
	}
	a.write("terraform.tfvars.json", string(variables))
}

func (a *agency) write(file, text string) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.ws.Dir, file), []byte(text), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// must runs a command that must succeed and print something.
func (a *agency) must(says string, args ...string) string {
	a.t.Helper()
	out, ok := a.ws.run(append(args, "-no-color")...)
	if !ok || !strings.Contains(out, says) {
		a.t.Fatalf("%q does not say %q:\n%s", args, says, out)
	}
	return out
}

// tests counts the test messages so far by username. PocketBase also sends messages about logins, which are not counted.
func (a *agency) tests() (all int, by map[string]int) {
	by = map[string]int{}
	for _, m := range a.smtp.Messages() {
		if slices.Contains(m.To, agencyMailbox) {
			all++
			by[m.User]++
		}
	}
	return all, by
}

// enabled reports whether a client's site sends mail.
func (a *agency) enabled(key string) bool {
	a.t.Helper()
	if product, ok := a.products[key]; ok {
		return product.state(a.testbed).Enabled
	}
	return a.state(key).Enabled
}

// TestAccAgency follows the example's README through the life of 200 clients.
func TestAccAgency(t *testing.T) {
	t.Parallel()
	t.Run("R26_200Clients", func(t *testing.T) {
		a := startAgency(t)
		wrong := []string{"client-040", "client-044", "client-048", "client-100", "client-104", "client-108", "client-196"}
		for _, key := range wrong {
			a.passwords[key] = wrongPassword
		}
		a.save()
		a.createAllButTheWrong(wrong)

		for _, key := range wrong {
			a.passwords[key] = password
		}
		a.clients[150]["status"] = "leaving"
		a.clients[151]["name"] = `"Client" & Sons`
		a.save()
		a.repairLeaveAndOverride(wrong)

		a.clients = slices.Delete(a.clients, 150, 151)
		a.save()
		a.must("No changes", "plan", "-detailed-exitcode")
		a.report()
	})
}

// createAllButTheWrong applies while some clients have a wrong mailbox password.
func (a *agency) createAllButTheWrong(wrong []string) {
	t := a.t
	t.Helper()
	out, ok := a.ws.run("apply", "-auto-approve", "-json")
	if ok {
		t.Fatal("the apply with wrong passwords succeeded")
	}
	errors := reported(t, out, "error")
	if got := summariesOf(errors); !slices.Equal(sitesOf(errors), wrong) || len(errors) != len(wrong) || len(got) != 1 {
		t.Fatalf("got errors of %q with the summaries %v, want one error for each of %q, all with the same summary", sitesOf(errors), got, wrong)
	}
	if rows := failuresTable(t, out); len(rows) != len(wrong) || !strings.Contains(rows[0], `,"`+errors[0].Summary+`",`) {
		t.Errorf("got the table of failures %q", rows)
	}
	for _, e := range errors {
		if e.Address != `module.mail.smtp_settings.client["`+sitesOf([]diagnostic{e})[0]+`"]` {
			t.Errorf("got address %q for the error %q", e.Address, e.Detail)
		}
	}
	all, tainted := a.ws.addresses()
	if len(all) != agencySites-len(wrong) || len(tainted) > 0 {
		t.Errorf("the state holds %d sites, of which %q are tainted", len(all), tainted)
	}
	for _, client := range a.clients {
		key := client["site"]
		if isWrong := slices.Contains(wrong, key); a.enabled(key) == isWrong || isWrong && !a.state(key).Settings.IsZero() {
			t.Errorf("%s: enabled %t, wrong password %t", key, a.enabled(key), isWrong)
		}
	}
	if all, _ := a.tests(); all != agencySites-len(wrong) {
		t.Errorf("got %d tests passed", all)
	}
}

// failuresTable filters the output of apply -json as the example's README shows.
func failuresTable(t *testing.T, out string) (rows []string) {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(examplesDir, "agency", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, filter, _ := strings.Cut(string(readme), "jq -r '")
	filter, _, _ = strings.Cut(filter, "'")
	query, err := gojq.Parse(filter)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out) {
		var said any
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			t.Fatal(err)
		}
		for results := query.Run(said); ; {
			result, more := results.Next()
			if !more {
				break
			}
			rows = append(rows, fmt.Sprint(result))
		}
	}
	return rows
}

// repairLeaveAndOverride applies, in one run, what failed in the first apply, the removal of one client, and a new name of another.
func (a *agency) repairLeaveAndOverride(wrong []string) {
	t := a.t
	t.Helper()
	a.called()
	a.must("7 added, 1 changed, 1 destroyed", "apply", "-auto-approve")
	var want []string
	for _, key := range append(wrong, "client-151") {
		want = append(want, "PUT "+key+" /smtp", "PUT "+key+" /smtp/tests")
	}
	want = append(want, "PUT client-150 /smtp")
	calls := a.wrote()
	slices.Sort(calls)
	slices.Sort(want)
	if !slices.Equal(calls, want) {
		t.Errorf("got writes %q, want %q", calls, want)
	}
	for _, client := range a.clients {
		if key := client["site"]; a.enabled(key) != (key != "client-150") {
			t.Errorf("%s: enabled %t", key, a.enabled(key))
		}
	}
	if got := a.state("client-151").Settings.FromName; got != `"Client" & Sons` {
		t.Errorf("got the name %q", got)
	}
	if all, by := a.tests(); all != agencySites+1 || len(by) != 1+len(a.passwords) || by[agencyRelay] != agencySites+1-len(a.passwords) {
		t.Errorf("got %d tests by %d mailboxes, %d of them the relay's; want one per site and one for the override", all, len(by), by[agencyRelay])
	}
}

// report reads all sites after one of them was switched off by hand.
func (a *agency) report() {
	t := a.t
	t.Helper()
	a.switchOff("client-160")
	a.called()
	a.must("client-160: off", "apply", "-refresh-only", "-auto-approve", "-var", "report=true")
	var rows map[string]struct {
		Platform, Server, Recipient, Finding string
		TestedAt                             string `json:"tested_at"`
		Enabled                              bool
	}
	if err := json.Unmarshal([]byte(a.must("", "output", "-json", "report")), &rows); err != nil {
		t.Fatal(err)
	}
	for key, row := range rows {
		if off := key == "client-160"; row.Enabled == off || (row.Finding != "") != off || row.TestedAt == "" || row.Recipient == "" {
			t.Errorf("%s is reported as %+v", key, row)
		}
	}
	table, err := csv.NewReader(strings.NewReader(a.must("", "output", "-raw", "report_csv"))).ReadAll()
	if err != nil || len(table) != 1+len(rows) || len(rows) != len(a.clients) {
		t.Errorf("got %d rows in JSON and %d lines in CSV, %v", len(rows), len(table), err)
	}
	if calls := a.wrote(); len(calls) > 0 {
		t.Errorf("the report sent the writes %q", calls)
	}
}

// switchOff switches mail off like a person at the site's admin page.
func (tb *testbed) switchOff(name string) {
	tb.t.Helper()
	tb.edit(name, func(s *site.SaveRequest) { s.Enabled = false })
}
