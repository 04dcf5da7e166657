//go:build linux && wordpress

package wordpresstest_test

import (
	"encoding/base64"
	"strings"
	"testing"

	plugin "github.com/sitemail/terraform-provider-smtp/internal/platform/wordpress"
)

// TestTranslation fills in the template for translators, and puts the result where WordPress looks for it.
func TestTranslation(t *testing.T) {
	c := start(t)
	pot, err := plugin.Pot()
	if err != nil {
		t.Fatal(err)
	}
	c.Eval(t, `
require_once ABSPATH . WPINC . "/pomo/po.php";
wp_mkdir_p(WP_CONTENT_DIR . "/languages/plugins");
file_put_contents(WP_CONTENT_DIR . "/languages/site-smtp.pot", base64_decode("`+base64.StdEncoding.EncodeToString(pot)+`"));
$template = new PO();
$template->import_from_file(WP_CONTENT_DIR . "/languages/site-smtp.pot");
$filled = new MO();
foreach ($template->entries as $entry) {
	$entry->translations = array("«" . $entry->singular . "»");
	$filled->add_entry($entry);
}
$filled->export_to_file(WP_CONTENT_DIR . "/languages/plugins/site-smtp-de_DE.mo");
(new MO())->export_to_file(WP_CONTENT_DIR . "/languages/de_DE.mo"); // so that WordPress has the language
update_option("WPLANG", "de_DE");`)
	defer c.Eval(t, `update_option("WPLANG", ""); array_map("unlink", glob(WP_CONTENT_DIR . "/languages/{,plugins/}*.{mo,pot}", GLOB_BRACE));`)
	c.enable(nil)
	page := c.Eval(t, `wp_set_current_user(1); SiteSMTP\Status::page();`)
	for _, text := range []string{"«Outgoing mail»", "«Mail server»", "«Last test»", "«on»"} {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not say %s:\n%s", text, page)
		}
	}
	if health := c.Eval(t, `echo SiteSMTP\Health::mail()["label"];`); health != "«This site is sending mail»" {
		t.Error(health)
	}
}
