package provider

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// adopts reports whether settings that the configuration omits are taken from the site.
func (m settingsModel) adopts() bool { return m.Adopt.ValueBool() || m.Adopt.IsUnknown() }

// resolveAdopted fills in settings that neither the configuration nor its preset gives. With adopt, they come from the site's saved
// settings or, if it has none, from whatever currently sends its mail. now is nil while the site is not known yet. If there is
// nothing to adopt, it reports false and adds an error.
func (m *settingsModel) resolveAdopted(config settingsModel, now *site.State, label string, diags *diag.Diagnostics) bool {
	var from settingValues
	if config.adopts() && now != nil {
		source := now.Settings
		if source.IsZero() && now.InForce != nil {
			source = now.InForce.Settings
			m.AdoptedFrom = types.StringValue(now.InForce.By)
		}
		if err := checkAdopted(source); source.IsZero() || err != nil {
			addCannotAdopt(label, *now, err, diags)
			return false
		}
		from.fromSettings(source)
	}
	for _, d := range flatSettings() {
		if _, derived := derivedSettings[d.Name]; !derived || !isNull(config.of(d)) || givenByPreset(config, d) {
			continue
		}
		switch value := from.of(d).(type) {
		case *types.String:
			resolve(m.of(d), config, now, *value, types.StringUnknown())
		case *types.Int64:
			resolve(m.of(d), config, now, *value, types.Int64Unknown())
		}
	}
	if config.adopts() && now == nil {
		m.AdoptedFrom = types.StringUnknown()
	}
	return true
}

// resolve sets target to value, or to unknown if the value depends on something that is not known yet.
func resolve[T attr.Value](target any, config settingsModel, now *site.State, value, unknown T) {
	if config.Adopt.IsUnknown() || config.adopts() && now == nil {
		value = unknown
	}
	if target, ok := target.(*T); ok {
		*target = value
	}
}

func isNull(value any) bool {
	switch value := value.(type) {
	case *types.String:
		return value.IsNull()
	case *types.Int64:
		return value.IsNull()
	}
	return false
}

func givenByPreset(config settingsModel, d site.Setting) bool {
	return !config.Preset.IsNull() && slices.Contains([]string{"host", "port", "encryption"}, d.Name)
}

// checkAdopted makes sure that the settings that a site returned are valid in a plan.
func checkAdopted(s site.Settings) error {
	for _, d := range site.AllSettings() {
		if d.Text(s) == "" {
			continue
		}
		if err := submit.CheckSetting(d, s); err != nil {
			return fmt.Errorf("%s: %w", d.Name, err)
		}
	}
	return nil
}

// addCannotAdopt reports why the site cannot be adopted.
func addCannotAdopt(label string, now site.State, err error, diags *diag.Diagnostics) {
	refusal, _ := site.Change{Prior: now, Candidate: site.Candidate{Adopt: true}}.RefuseAdoption()
	if err != nil {
		refusal.Reason = "the settings that the site reports cannot be used: " + shown(err.Error())
	}
	diags.AddAttributeError(path.Root("adopt"), cannotBeAdopted, fmt.Sprintf("%s: %s", label, refusal.Reason))
}

// checkAdoption refuses a change that would send an adopted password to a different mail server.
func (e *entry) checkAdoption(c site.Change, config settingsModel, diags *diag.Diagnostics) {
	if refusal, refused := c.RefuseAdoption(); refused {
		locator(config.inResource).add(diags, refusal.Field, cannotBeAdopted, fmt.Sprintf("%s: %s", e.label, refusal.Reason))
	}
}

// readForPlan reads a site for a resource that is about to be created. If the site cannot be read, it adds a diagnostic and returns
// false.
func (e *entry) readForPlan(ctx context.Context, diags *diag.Diagnostics) (site.State, bool) {
	prior, err := e.readOnce(ctx)
	switch {
	case err == nil:
		return prior, true
	case mayAnswerLater(err):
		diags.AddWarning("Site cannot be read yet", fmt.Sprintf("%s: %s\n\nThe apply reads it again before it changes anything.", e.label, err))
	default:
		e.addSiteError(diags, "reading it", nowhere, err)
	}
	return site.State{}, false
}

// offerAdoption sets adopt in an imported resource if another plugin sends the site's mail and can be adopted. Otherwise the
// configuration that Terraform generates would turn that mail off.
func (m *settingsModel) offerAdoption(now site.State) {
	if now.Settings.IsZero() && now.InForce.Adoptable() {
		m.Adopt, m.Enabled = types.BoolValue(true), types.BoolNull()
	}
}

// addOtherMailer warns that another plugin sends the site's mail, and that the apply will replace it.
func (e *entry) addOtherMailer(now site.State, config settingsModel, diags *diag.Diagnostics) {
	found := now.InForce
	if config.adopts() || found == nil || found.Transport == "local" || found.Transport == "none" {
		return
	}
	advice := "adopt = true would take over its settings and its password instead."
	if !found.Adoptable() {
		advice = "Its settings cannot be adopted: " + found.Obstacle
	}
	diags.AddWarning("Another plugin sends the site's mail", fmt.Sprintf("%s: mail currently goes %s. The apply replaces that once the test has passed. %s", e.label, describeInForce(found), advice))
}

// describeInForce returns, for example, "through WP Mail SMTP 4.8.0 (smtp.example.com as info@example.com)".
func describeInForce(f *site.InForce) string {
	if f.Settings.IsZero() {
		return fmt.Sprintf("through %s (%s)", f.By, f.Transport)
	}
	return fmt.Sprintf("through %s (%s as %s)", f.By, shown(f.Settings.Host), shown(f.Settings.FromAddress))
}

var inForceTypes = map[string]attr.Type{
	"by": types.StringType, "transport": types.StringType, "host": types.StringType, "port": types.Int64Type, "encryption": types.StringType,
	"username": types.StringType, "from_address": types.StringType, "from_name": types.StringType, "reply_to": types.StringType, "password_readable": types.BoolType, "obstacle": types.StringType,
}

func inForceValue(f *site.InForce) types.Object {
	if f == nil {
		return types.ObjectNull(inForceTypes)
	}
	return types.ObjectValueMust(inForceTypes, map[string]attr.Value{
		"by":                types.StringValue(f.By),
		"transport":         types.StringValue(f.Transport),
		"host":              orNull(shown(f.Settings.Host)),
		"port":              portValue(f.Settings.Port),
		"encryption":        orNull(shown(string(f.Settings.Encryption))),
		"username":          orNull(shown(f.Settings.Username)),
		"from_address":      orNull(shown(f.Settings.FromAddress)),
		"from_name":         orNull(shown(f.Settings.FromName)),
		"reply_to":          orNull(shown(f.Settings.ReplyTo)),
		"password_readable": types.BoolValue(f.PasswordReadable),
		"obstacle":          orNull(f.Obstacle),
	})
}
