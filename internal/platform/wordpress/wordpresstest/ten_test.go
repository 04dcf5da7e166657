//go:build linux && wordpress

package wordpresstest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/tfcli"
)

// TestAdoptTenSites: the first plan of an agency adopts ten sites, each with its own mail plugin, mailbox and password, and nobody types a
// password.
func TestAdoptTenSites(t *testing.T) {
	t.Parallel()
	c := start(t)
	sites := c.tenSites(t)
	ws := c.agency(t, sites)

	plan := terraform(t, ws, "plan")
	for _, by := range adoptable {
		if !strings.Contains(plan, fmt.Sprintf("%q", by)) {
			t.Errorf("the plan does not say that mail goes through %s today:\n%s", by, plan)
		}
	}
	began := time.Now()
	c.messages(len(sites), func() { terraform(t, ws, "apply", "-auto-approve") })
	t.Logf("adopted ten sites in %s", time.Since(began).Round(100*time.Millisecond))

	var senders []string
	for _, m := range c.mail.Messages() {
		senders = append(senders, m.User)
	}
	mailboxes := slices.Sorted(maps.Keys(sites))
	for i, site := range mailboxes {
		mailboxes[i] = site + "@example.com"
	}
	slices.Sort(senders)
	equal(t, senders, mailboxes)
	for site := range sites {
		read := c.of(site).read()
		if read.object["enabled"] != true || read.object["in_force"] != nil || read.object["settings"].(object)["username"] != site+"@example.com" {
			t.Errorf("%s: %s", site, read.raw)
		}
	}
	if out := terraform(t, ws, "plan"); !strings.Contains(out, "No changes") {
		t.Error(out)
	}
	state, err := os.ReadFile(filepath.Join(ws.Dir, "terraform.tfstate"))
	if err != nil || strings.Contains(string(state), canary) {
		t.Errorf("the state holds a password: %v\n%s", err, state)
	}

	terraform(t, ws, "destroy", "-auto-approve")
	for site, by := range sites {
		if found, _ := c.of(site).read().object["in_force"].(object); found["by"] != by {
			t.Errorf("%s: mail no longer goes through the earlier plugin: %v", site, found)
		}
	}
}

// of returns the site of that name in the network of c.
func (c *client) of(site string) *client {
	other := *c
	other.base = c.URL + "/" + site + basePath
	return &other
}

// tenSites creates ten sites in one network, and returns the mail plugin of each by the site's name.
func (c *client) tenSites(t *testing.T) map[string]string {
	t.Helper()
	c.network()
	sites := map[string]string{}
	plugins := slices.Sorted(maps.Keys(adoptable))
	for i := range 10 {
		name, plugin := fmt.Sprintf("client%d", i), plugins[i%len(plugins)]
		sites[name] = adoptable[plugin]
		password := canary + uuid.NewString()
		c.mail.SetUser(name+"@example.com", secret.New(password))
		c.plugin(t, plugin)
		c.Eval(t, fmt.Sprintf(`
update_option("active_plugins", array());
$network = get_network(1);
$id = get_blog_id_from_url($network->domain, $network->path . "%[1]s/") ?:
	wp_insert_site(array("domain" => $network->domain, "path" => $network->path . "%[1]s/", "user_id" => 1, "title" => "%[1]s"));
if (is_wp_error($id)) { throw new Exception($id->get_error_message()); }
$wpdb->update($wpdb->blogs, array("domain" => $network->domain), array("blog_id" => $id));
switch_to_blog($id);
foreach (array("home", "siteurl") as $option) { update_option($option, %[2]q); }
update_option("permalink_structure", "/%%postname%%/");
$wpdb->query("DELETE FROM $wpdb->options WHERE option_name LIKE 'site\\_smtp%%'");
update_option("active_plugins", array(%[3]q));
require_once WP_PLUGIN_DIR . "/" . %[3]q;
their_setup(array("host" => %[4]q, "port" => %[5]d, "secure" => "tls", "username" => %[6]q, "password" => %[7]q, "from_address" => %[6]q, "from_name" => "%[1]s"));`,
			name, c.URL+"/"+name, plugin, c.mail.Host(), c.mail.Port(), name+"@example.com", password))
	}
	return sites
}

// agency returns a workspace with the guide's configuration, which adopts all of the sites.
func (c *client) agency(t *testing.T, sites map[string]string) tfcli.Workspace {
	t.Helper()
	guide, err := os.ReadFile("../../../../templates/guides/taking-over-wordpress.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(guide), "```terraform\n")
	block, _, _ = strings.Cut(block, "```")
	ws := workspace(t, block)
	clients, tokens := map[string]object{}, map[string]string{}
	for site := range sites {
		clients[site] = object{"url": c.URL + "/" + site}
		tokens[site] = c.Eval(t, fmt.Sprintf(`switch_to_blog(get_blog_id_from_url(get_network(1)->domain, get_network(1)->path . "%s/")); echo SiteSMTP\Token::create("terraform");`, site))
	}
	values, err := json.Marshal(object{"clients": clients, "site_tokens": tokens})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(ws.Dir, "terraform.tfvars.json"), values, 0o600); err != nil {
		t.Fatal(err)
	}
	return ws
}

// workspace is a folder in which the CLI has been initialized with config, which does not say where the provider comes from.
func workspace(t *testing.T, config string) tfcli.Workspace {
	t.Helper()
	cli, err := tfcli.Find(t.Context(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	ws, err := cli.NewWorkspace(t.Context(), t.TempDir(), "sitemail/smtp")
	if err != nil {
		t.Fatal(err)
	}
	err = ws.Init(t.Context(), "terraform {\n  required_providers {\n    smtp = { source = \"sitemail/smtp\" }\n  }\n}\n"+config)
	if err != nil {
		t.Fatal(err)
	}
	return ws
}

// terraform runs a command that has to succeed.
func terraform(t *testing.T, ws tfcli.Workspace, args ...string) string {
	t.Helper()
	out, err := ws.Command(t.Context(), append(args, "-no-color")...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	if strings.Contains(string(out), canary) {
		t.Errorf("%s shows a password:\n%s", strings.Join(args, " "), out)
	}
	return string(out)
}
