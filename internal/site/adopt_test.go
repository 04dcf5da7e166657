package site_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// adopting is a change that takes over what another plugin sends a site's mail with.
func adopting() site.Change {
	prior := unconfigured()
	prior.InForce = &site.InForce{By: "WP Mail SMTP 4.8.0", Transport: "smtp", Settings: settingsAt("smtp.example.com"), PasswordReadable: true}
	return site.Change{
		Prior:     prior,
		Candidate: site.Candidate{Settings: settingsAt("smtp.example.com"), Adopt: true},
		Enabled:   true,
		Recipient: recipient,
	}
}

func TestApplyAdopts(t *testing.T) {
	for name, edit := range map[string]func(*site.Change){
		"Unchanged": func(*site.Change) {},
		"WithAnotherSender": func(c *site.Change) {
			c.Candidate.Settings.FromName, c.Candidate.Settings.FromAddress = "B", "b@example.com"
		},
		"WithoutLogin": func(c *site.Change) {
			c.Candidate.Settings.Username = ""
			found := *c.Prior.InForce
			found.Settings.Username = ""
			c.Prior.InForce = &found
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := adopting()
			edit(&c)
			s := play(t, call{ask: testOf(c), result: passed}, call{ask: saveOf(c), state: after(c)})
			got, err := procedure(t).Apply(t.Context(), s, c)
			if err != nil {
				t.Error(err)
			}
			checkState(t, got, after(c))
		})
	}
}

// A password that nobody sees must not be sent to another place than it is sent to already.
func TestApplyRefusesToAdopt(t *testing.T) {
	for name, tt := range map[string]struct {
		edit       func(*site.Change)
		field, why string
	}{
		"NothingInForce":  {func(c *site.Change) { c.Prior.InForce = nil }, "adopt", "nothing to take over"},
		"WithAnObstacle":  {func(c *site.Change) { c.Prior.InForce.Obstacle = "It queues mail." }, "adopt", "through WP Mail SMTP 4.8.0, which cannot be taken over: It queues mail."},
		"WithoutSettings": {func(c *site.Change) { c.Prior.InForce.Settings = site.Settings{} }, "adopt", "cannot be taken over"},
		"AtAnotherHost":   {func(c *site.Change) { c.Candidate.Settings.Host = "smtp.example.test" }, "host", "another host"},
		"AtAnotherPort":   {func(c *site.Change) { c.Candidate.Settings.Port = 465 }, "port", "another port"},
		"Encrypted":       {func(c *site.Change) { c.Candidate.Settings.Encryption = site.TLS }, "encryption", "another encryption"},
		"WithAToken": {func(c *site.Change) {
			c.Candidate.Settings.Grant, c.Candidate.Settings.TokenURL = site.ClientCredentials, "https://login.example.com/token"
		}, "grant", "another grant"},
		"AsOtherUser": {func(c *site.Change) { c.Candidate.Settings.Username = "other@example.com" }, "username", "another username"},
	} {
		t.Run(name, func(t *testing.T) {
			c := adopting()
			tt.edit(&c)
			_, err := procedure(t).Apply(t.Context(), play(t), c)
			failed, ok := errors.AsType[*site.Error](err)
			if !ok || failed.Kind != site.NotInForce || failed.Field != tt.field || !strings.Contains(failed.Message, tt.why) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("RefusesAPassword", func(t *testing.T) {
		c := adopting()
		c.Candidate.Adopt, c.Candidate.Password, c.Candidate.Settings.Host = false, secret.New("x"), "smtp.example.test"
		if refusal, refused := c.RefuseAdoption(); refused {
			t.Errorf("%+v", refusal)
		}
	})
}
