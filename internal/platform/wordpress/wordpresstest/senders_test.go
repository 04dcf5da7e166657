//go:build linux && wordpress

package wordpresstest_test

import (
	"net/http"
	"strings"
	"testing"
)

// from is the sender of a mail, and the address for replies.
type from struct{ From, ReplyTo string }

// sends sends a mail as a plugin does, and returns what the mail server received.
func (c *client) sends(t *testing.T, code string) from {
	t.Helper()
	c.messages(1, func() { c.Eval(t, code) })
	sent := c.mail.Messages()
	m := sent[len(sent)-1]
	if m.From != mailer {
		t.Errorf("got envelope sender %s", m.From)
	}
	var got from
	for line := range strings.SplitSeq(headers(m), "\r\n") {
		if value, ok := strings.CutPrefix(line, "From: "); ok {
			got.From = value
		}
		if value, ok := strings.CutPrefix(line, "Reply-To: "); ok {
			got.ReplyTo = value
		}
	}
	return got
}

const (
	plain   = `wp_mail("customer@example.com", "Your order", "It is on its way.");`
	asSales = `wp_mail("customer@example.com", "Your offer", "Here it is.", "From: Sales <sales@client.example>");`
	asForm  = `wp_mail("owner@example.com", "A question", "Is it red?", "From: Jane <jane@visitor.example>");`
	asShop  = `add_filter("wp_mail_from", fn() => "shop@client.example"); add_filter("wp_mail_from_name", fn() => "The shop");` + plain
)

// TestSenders: mail comes from the sender of the settings, or from a sender that wp-config.php allows in addition.
func TestSenders(t *testing.T) {
	c := start(t)
	c.enable(nil)
	const ours = "Client A <" + mailer + ">"
	for name, policy := range map[string]struct {
		code string
		want map[string]from
	}{
		"Forced": {"", map[string]from{
			plain: {From: ours}, asSales: {ours, "Sales <sales@client.example>"}, asForm: {ours, "Jane <jane@visitor.example>"}, asShop: {From: ours},
		}},
		"Allowed": {`define("SITE_SMTP_SENDERS", "Sales@client.example, shop@client.example");`, map[string]from{
			plain: {From: ours}, asSales: {From: "Sales <sales@client.example>"}, asForm: {ours, "Jane <jane@visitor.example>"}, asShop: {From: "The shop <shop@client.example>"},
		}},
		"AllowedDomain": {`define("SITE_SMTP_SENDERS", array("@client.example"));`, map[string]from{
			asSales: {From: "Sales <sales@client.example>"}, asForm: {ours, "Jane <jane@visitor.example>"}, asShop: {From: "The shop <shop@client.example>"},
			`wp_mail("customer@example.com", "x", "x", "From: x@other-client.example");`: {ours, "x@other-client.example"},
		}},
		"OnlyTheDefault": {`define("SITE_SMTP_SENDERS", "*");`, map[string]from{
			plain: {From: ours}, asSales: {From: "Sales <sales@client.example>"}, asForm: {From: "Jane <jane@visitor.example>"}, asShop: {From: "The shop <shop@client.example>"},
		}},
		"EmptyList": {`define("SITE_SMTP_SENDERS", " , ");`, map[string]from{asSales: {ours, "Sales <sales@client.example>"}}},
	} {
		t.Run(name, func(t *testing.T) {
			c.configure(t, policy.code)
			for code, want := range policy.want {
				if got := c.sends(t, code); got != want {
					t.Errorf("%s\ngot  %v\nwant %v", code, got, want)
				}
			}
		})
	}
}

// TestRepliesGoWhereTheSettingsSay, unless the mail has a Reply-To.
func TestRepliesGoWhereTheSettingsSay(t *testing.T) {
	c := start(t)
	const office = "office@client.example"
	got := c.enable(object{"reply_to": office})
	equal(t, got.object["settings"].(object)["reply_to"], any(office))
	test := headers(c.mail.Messages()[0])
	if !strings.Contains(test, "Reply-To: "+office+"\r\n") {
		t.Errorf("the test message has no Reply-To: %s", test)
	}
	const ours = "Client A <" + mailer + ">"
	for code, want := range map[string]from{
		plain:  {ours, office},
		asForm: {ours, "Jane <jane@visitor.example>"},
		`wp_mail("customer@example.com", "x", "x", "Reply-To: shop@example.com");`: {ours, "shop@example.com"},
	} {
		if got := c.sends(t, code); got != want {
			t.Errorf("%s\ngot  %v\nwant %v", code, got, want)
		}
	}
	t.Run("IsASetting", func(t *testing.T) {
		for _, changed := range []object{{"reply_to": "other@client.example"}, {}, {"reply_to": ""}} {
			c.put(object{"settings": c.settings(changed), "enabled": true}).want(t, http.StatusUnprocessableEntity, "password_required")
			c.stays(t, object{"settings": c.settings(changed), "password": c.password})
		}
		for _, wrong := range []string{"office", "Office <office@client.example>", "a@example.com, b@example.com", "a@example.com\r\nBcc: x@example.com"} {
			refused := c.put(object{"settings": c.settings(object{"reply_to": wrong}), "password": c.password, "enabled": false}).want(t, http.StatusUnprocessableEntity, "invalid")
			equal(t, refused.object["field"], any("reply_to"))
		}
	})
	t.Run("AbsentIsEmpty", func(t *testing.T) {
		c.mustTest(nil, "passed", "data")
		got := c.put(object{"settings": c.settings(object{"reply_to": ""}), "password": c.password, "enabled": true}).want(t, http.StatusOK, "")
		equal(t, got.object["settings"].(object)["reply_to"], any(""))
		equal(t, c.sends(t, plain), from{From: ours})
	})
}
