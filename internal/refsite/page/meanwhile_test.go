package page_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func TestTwoWindows(t *testing.T) {
	w := start(t)
	one := w.loggedIn()
	one.submit("/save", w.settings())
	two := w.loggedIn()
	theirs, mine := w.settings(), w.settings()
	theirs.Set("from_name", "Theirs")
	mine.Set("from_name", "Mine")
	one.submit("/save", theirs)
	two.submit("/save", mine)
	two.want("notice", "“admin” changed this site on")
	two.want("notice", "From name: Theirs, was Client A")
	two.want("notice", "Password: changed")
	two.want("from_name-saved", "Saved now: Theirs")
	if two.status != http.StatusPreconditionFailed || two.field("from_name") != "Mine" || w.state().Settings.FromName != "Theirs" {
		t.Errorf("got %d %s", two.status, two.text)
	}
	two.submit("/save", url.Values{"password": {mailPassword}})
	two.want("notice", "Saved.")
	if w.state().Settings.FromName != "Mine" {
		t.Error("a second save, after the warning, did not go through")
	}
	one.submit("/switch", url.Values{"enabled": {"false"}})
	one.want("notice", "Mail was neither enabled nor disabled.")
	one.want("notice", "From name: Mine, was Theirs")
}

func TestTerraform(t *testing.T) {
	w := start(t)
	open := w.loggedIn()
	if open.byID("managed") != nil {
		t.Error("the page says managed by Terraform before the first apply")
	}
	w.apply(func(s *site.Settings) { s.FromName = "Plan" })
	open.submit("/save", w.settings())
	open.want("notice", "“terraform” changed this site")
	open.want("notice", "From name: Plan, was nothing")
	open.get("")
	open.want("managed", "Managed by Terraform. Last apply ")
	open.want("managed", "with the token “terraform”. Nothing was changed since.")
	open.want("settings-form", "by terraform")
	open.submit("/save", url.Values{"from_name": {"By hand"}, "password": {"another"}})
	open.want("managed", "The next plan shows this as drift")
	open.want("managed", "From name: By hand, was Plan")
	open.want("managed", "Password: changed")
	w.apply(func(s *site.Settings) { s.FromName = "Plan again" })
	open.get("")
	open.want("managed", "Nothing was changed since.")
	destroy := core.Write{ID: site.NewWriteID(""), SaveRequest: site.SaveRequest{Settings: w.state().Settings, Revision: w.state().Revision}}
	if _, err := w.site().Commit("terraform", destroy); err != nil {
		t.Fatal(err)
	}
	open.get("")
	if open.byID("managed") != nil {
		t.Error("the page still says managed by Terraform after a destroy with on_destroy = disable")
	}
	w.apply(func(*site.Settings) {})
	if _, err := w.site().Clear("terraform", "", w.state().Revision); err != nil {
		t.Fatal(err)
	}
	open.get("")
	if open.byID("managed") != nil {
		t.Error("the page still says managed by Terraform after a destroy with on_destroy = clear")
	}
}

func TestServices(t *testing.T) {
	w := start(t)
	b := w.loggedIn()
	matches := func(query string) string {
		b.get("?q=" + url.QueryEscape(query))
		return b.shows("matches")
	}
	for query, want := range map[string]string{
		"someone@gmail.com": "Gmail", "gmail": "Gmail", "GMAIL": "Gmail", "fastm": "Fastmail", "gmial": "Gmail", "smtp.sendgrid.net": "SendGrid",
	} {
		if got := matches(query); !strings.Contains(got, want) {
			t.Errorf("%s: %s", query, got)
		}
	}
	matches("someone@example.test")
	if !strings.HasPrefix(b.shows("found"), "No service is known for this domain.") {
		t.Errorf("got %s", b.shows("found"))
	}
	if got := matches("zzzzqqqq"); got != "" || !strings.HasPrefix(b.shows("found"), "No service has that name.") {
		t.Errorf("got %s", got)
	}
	matches("a")
	if !strings.Contains(b.shows("found"), "the first 8 are shown") {
		t.Errorf("got %s", b.shows("found"))
	}
	b.get("?service=gmail")
	if b.field("host") != "smtp.gmail.com" || b.field("port") == "" || b.field("encryption") == "" || w.state().Revision != "0" {
		t.Errorf("got %s", b.text)
	}
	b.want("service", "requires an app password here, not the account’s password")
	link := b.find(func(n *html.Node) bool { return attribute(n, "href") == "https://myaccount.google.com/apppasswords" })
	if link == nil {
		t.Error("the page has no link to create an app password")
	}
	t.Run("TheAddressBecomesTheUsername", func(t *testing.T) {
		matches("someone@gmail.com")
		link := b.find(func(n *html.Node) bool {
			return has(n, "data-fill") && strings.Contains(attribute(n, "href"), "service=gmail")
		})
		if link == nil {
			t.Fatal("the page has no link that fills in the service")
		}
		_, query, _ := strings.Cut(strings.TrimSuffix(attribute(link, "href"), "#settings"), "?")
		b.get("?" + query)
		if got := b.field("username"); got != "someone@gmail.com" {
			t.Errorf("username is %q", got)
		}
	})
	t.Run("HintsStayAfterARefusedSave", func(*testing.T) {
		b.get("")
		b.submit("/save", url.Values{"host": {"smtp.gmail.com"}, "port": {"465"}, "username": {"someone@gmail.com"}})
		b.want("encryption-error", "Encryption must be one of")
		b.want("service", "Gmail requires an app password")
		b.want("password-hint", "16 letters")
	})
	for _, p := range presets.All() {
		b.get("?service=" + p.ID)
		if b.field("host") != p.Host || p.AuthStatus == presets.OAuth2Only && !strings.Contains(b.shows("service"), "no longer accepts passwords") {
			t.Errorf("%s: %s", p.ID, b.shows("service"))
		}
		if len(p.Regions) > 0 {
			last := p.Regions[len(p.Regions)-1]
			b.get("?service=" + p.ID + "&region=" + url.QueryEscape(last.Name))
			if b.field("host") != last.Host || b.field("region") != last.Name {
				t.Errorf("%s %s: %s", p.ID, last.Name, b.field("host"))
			}
		}
	}
	t.Run("TheAddressReplacesASavedUsername", func(t *testing.T) {
		w.apply(func(s *site.Settings) { s.Username = "shop@client.example" })
		for query, want := range map[string]string{
			"?service=gmail": "shop@client.example", "?service=gmail&address=someone%40gmail.com": "someone@gmail.com",
		} {
			b.get(query)
			if got := b.field("username"); got != want {
				t.Errorf("%s: username is %q", query, got)
			}
		}
	})
}
