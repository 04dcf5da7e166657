package ses_test

import (
	"regexp"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/ses"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// TestPassword uses the vectors by which HashiCorp's AWS provider tests the same derivation
// (https://github.com/hashicorp/terraform-provider-aws, internal/service/iam/access_key_test.go).
func TestPassword(t *testing.T) {
	for _, vector := range []struct{ secretAccessKey, region, password string }{
		{"some+secret+key", "eu-central-1", "BMXhUYlu5Z3gSXVQORxlVa7XPaz91aGWdfHxvkOZdWZ2"},
		{"another+secret+key", "eu-central-1", "BBbphbrQmrKMx42d1N6+C7VINYEBGI5v9VsZeTxwskfh"},
		{"some+secret+key", "us-west-1", "BH+jbMzper5WwlwUar9E1ySBqHa9whi0GPo+sJ0mVYJj"},
		{"another+secret+key", "us-west-1", "BKVmjjMDFk/qqw8EROW99bjCS65PF8WKvK5bSr4Y6EqF"},
	} {
		got := ses.Password(secret.New(vector.secretAccessKey), vector.region)
		if got.Reveal() != vector.password {
			t.Errorf("%s in %s: %q, want %q", vector.secretAccessKey, vector.region, got.Reveal(), vector.password)
		}
	}
}

// TestPasswordHasTheShapeThatTheCatalogueKnows holds the two together: a derived password must not be warned about.
func TestPasswordHasTheShapeThatTheCatalogueKnows(t *testing.T) {
	preset, ok := presets.ByID("amazon-ses")
	if !ok || len(preset.Regions) == 0 {
		t.Fatal("the catalogue has no regions of Amazon SES")
	}
	shape := regexp.MustCompile(preset.PasswordFormat)
	seen := map[string]string{}
	for _, region := range preset.Regions {
		password := ses.Password(secret.New("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), region.Name).Reveal()
		if !shape.MatchString(password) || preset.PasswordProblem(secret.New(password)) != "" {
			t.Errorf("%s: %q does not match %s", region.Name, password, shape)
		}
		if other, twice := seen[password]; twice {
			t.Errorf("%s and %s have the same password", other, region.Name)
		}
		seen[password] = region.Name
	}
}
