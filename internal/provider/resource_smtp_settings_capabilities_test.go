package provider

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// bare is a platform with minimal capabilities: it can test only enabled settings, and stores neither revisions nor verifications.
var bare = site.Capabilities{Testing: site.TestsEnabled, Unguarded: true, ForgetsVerification: true}

// memorySite is an in-memory site of any platform.
type memorySite struct {
	can      site.Capabilities
	state    site.State
	password string
	// accepts is the password that the mail server accepts.
	accepts string
	// goneAfterTest: the site no longer answers after a test.
	goneAfterTest bool
	gone          bool
	tests         int
}

func (s *memorySite) Capabilities() site.Capabilities { return s.can }

func (s *memorySite) Read(context.Context) (site.State, error) { return s.state, s.reached() }

func (s *memorySite) Test(context.Context, site.TestRequest) (site.TestResult, error) {
	s.tests++
	s.gone = s.goneAfterTest
	if s.password != s.accepts {
		return site.TestResult{Status: site.Failed, Stage: site.StageAuth, Reply: &site.Reply{Code: 535, EnhancedCode: "5.7.8", Text: "no"}}, nil
	}
	return site.TestResult{
		Status: site.Passed, Stage: site.StageData, Recipient: "ops@example.test", MessageID: "m1@example.com",
		TestedAt: time.Now(), Reply: &site.Reply{Code: 250, Text: "Ok"},
	}, nil
}

func (s *memorySite) Save(_ context.Context, write site.SaveRequest) (site.State, error) {
	s.state.Settings, s.state.Enabled = write.Settings, write.Enabled
	if !write.Password.IsEmpty() {
		s.password = write.Password.Reveal()
	}
	s.state.PasswordSet = s.password != ""
	return s.state, s.reached()
}

func (s *memorySite) Clear(context.Context, site.ClearRequest) error {
	s.state, s.password = site.State{SiteID: s.state.SiteID}, ""
	return s.reached()
}

func (s *memorySite) reached() error {
	if s.gone {
		return &site.Error{Kind: site.Unreachable, Message: "no connection"}
	}
	return nil
}

// memoryProvider is the provider with only that site.
type memoryProvider struct {
	*smtpProvider
	site *memorySite
}

func (p memoryProvider) Configure(_ context.Context, _ provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	resp.ResourceData = &sites{entries: map[string]*entry{"only": p.site.entry()}}
}

func (s *memorySite) entry() *entry {
	return &entry{key: "only", label: "only", platform: "bare", site: s, can: s.can, testRecipient: types.StringValue("ops@example.test"), address: "only"}
}

func newMemorySite(can site.Capabilities) *memorySite {
	return &memorySite{can: can, state: site.State{SiteID: "installed 2026-11-23"}, accepts: "right"}
}

// config returns a resource for the site: working arguments, overridden by these.
func (s *memorySite) config(arguments ...string) string {
	values := map[string]string{
		"host": `"smtp.example.com"`, "port": "587", "encryption": `"starttls"`, "username": `"mailer@example.com"`,
		"password_wo": `"right"`, "password_wo_version": "1",
	}
	for i := 0; i < len(arguments); i += 2 {
		values[arguments[i]] = arguments[i+1]
	}
	var b strings.Builder
	for name, value := range values {
		if value != "" {
			fmt.Fprintf(&b, "  %s = %s\n", name, value)
		}
	}
	return "provider \"smtp\" {}\nresource \"smtp_settings\" \"test\" {\n" + b.String() + "}\n"
}

func (s *memorySite) run(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			"smtp": providerserver.NewProtocol6WithError(memoryProvider{&smtpProvider{}, s}),
		},
		Steps: steps,
	})
}

// holds checks that mail is on with host, verified, after that many tests in total.
func (s *memorySite) holds(t *testing.T, host string, tests int) []statecheck.StateCheck {
	return []statecheck.StateCheck{
		statecheck.ExpectKnownValue("smtp_settings.test", tfjsonpath.New("verification").AtMapKey("message_id"), knownvalue.StringExact("m1@example.com")),
		checkFunc(func() {
			if !s.state.Enabled || s.state.Settings.Host != host || s.password != s.accepts || s.tests != tests {
				t.Errorf("the site holds %+v after %d tests, want %s on after %d", s.state, s.tests, host, tests)
			}
		}),
	}
}

// checkFunc checks the site itself.
type checkFunc func()

func (f checkFunc) CheckState(context.Context, statecheck.CheckStateRequest, *statecheck.CheckStateResponse) {
	f()
}

func willUpdate(planned plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{
		PreApply: []plancheck.PlanCheck{
			plancheck.ExpectResourceAction("smtp_settings.test", planned),
			plancheck.ExpectUnknownValue("smtp_settings.test", tfjsonpath.New("verification")),
		},
		PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
	}
}

func TestAccPlatformThatTestsWhatIsOn(t *testing.T) {
	t.Parallel()
	const other = `"smtp.example.test"`

	t.Run("KeepsVerificationForTheSite", func(t *testing.T) {
		s := newMemorySite(bare)
		s.run(t,
			resource.TestStep{Config: s.config(), ConfigPlanChecks: willUpdate(plancheck.ResourceActionCreate), ConfigStateChecks: s.holds(t, "smtp.example.com", 1)},
			resource.TestStep{Config: s.config("host", other), ConfigPlanChecks: willUpdate(plancheck.ResourceActionUpdate), ConfigStateChecks: s.holds(t, "smtp.example.test", 2)},
		)
	})

	t.Run("R23_FailedCreateLeavesNoStateAndMailOff", func(t *testing.T) {
		s := newMemorySite(bare)
		s.run(t,
			resource.TestStep{Config: s.config("password_wo", `"wrong"`), ExpectError: regexp.MustCompile(`(?s)535.*Mail of only is off`)},
			resource.TestStep{
				PreConfig: func() {
					if s.state.Enabled || s.state.Settings.IsZero() {
						t.Errorf("the site holds %+v, want settings with mail off", s.state)
					}
				},
				Config: s.config(), ConfigPlanChecks: willUpdate(plancheck.ResourceActionCreate), ConfigStateChecks: s.holds(t, "smtp.example.com", 2),
			},
		)
	})

	t.Run("FailedUpdateSaysThatMailIsOff", func(t *testing.T) {
		s := newMemorySite(bare)
		wrong := s.config("host", other, "password_wo", `"wrong"`, "password_wo_version", "2")
		s.run(t,
			resource.TestStep{Config: s.config()},
			resource.TestStep{Config: wrong, ExpectError: regexp.MustCompile(`(?s)535.*Mail of only is off`)},
			// The state has nothing from the plan, so what was not applied is planned again.
			resource.TestStep{Config: wrong, PlanOnly: true, ExpectNonEmptyPlan: true},
			resource.TestStep{
				PreConfig: func() { s.accepts = "wrong" },
				Config:    wrong, ConfigPlanChecks: willUpdate(plancheck.ResourceActionUpdate), ConfigStateChecks: s.holds(t, "smtp.example.test", 3),
			},
		)
	})

	t.Run("FailedPasswordAloneIsNotVerified", func(t *testing.T) {
		s := newMemorySite(bare)
		s.run(t,
			resource.TestStep{Config: s.config()},
			resource.TestStep{
				Config:      s.config("password_wo", `"wrong"`, "password_wo_version", "2"),
				ExpectError: regexp.MustCompile(`(?s)535.*Mail of only is off`),
			},
			// The old password is configured again. That the same settings passed once does not count as a pass.
			resource.TestStep{Config: s.config(), ConfigPlanChecks: willUpdate(plancheck.ResourceActionUpdate), ConfigStateChecks: s.holds(t, "smtp.example.com", 3)},
		)
	})

	t.Run("PasswordInTheStateRestoresWorkingSettings", func(t *testing.T) {
		s := newMemorySite(bare)
		argument := []string{"password_wo", "", "password_wo_version", "", "password", `"right"`}
		s.run(t,
			resource.TestStep{Config: s.config(argument...)},
			resource.TestStep{
				Config:      s.config(append(argument, "host", other, "password", `"wrong"`)...),
				ExpectError: regexp.MustCompile(`(?s)535.*sends mail through\s+smtp\.example\.com\s+again`),
			},
			resource.TestStep{
				Config:            s.config(argument...),
				ConfigPlanChecks:  resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
				ConfigStateChecks: s.holds(t, "smtp.example.com", 2),
			},
		)
	})

	t.Run("R21_UntestedMailIsReportedAndRepaired", func(t *testing.T) {
		s := newMemorySite(bare)
		wrong := s.config("host", other, "password_wo", `"wrong"`, "password_wo_version", "2")
		s.run(t,
			resource.TestStep{Config: s.config()},
			resource.TestStep{
				PreConfig: func() { s.goneAfterTest = true },
				Config:    wrong, ExpectError: regexp.MustCompile(`(?s)Mail may be on with settings that did not pass a test.*no connection`),
			},
			resource.TestStep{
				PreConfig: func() {
					s.goneAfterTest, s.gone = false, false
					if !s.state.Enabled {
						t.Error("mail is off; this test needs it on")
					}
				},
				Config: wrong, ExpectError: regexp.MustCompile(`(?s)535.*Mail of only is off`),
			},
			resource.TestStep{
				PreConfig: func() {
					if s.state.Enabled {
						t.Error("untested mail is still on after the next apply")
					}
				},
				Config: s.config("host", other, "password_wo_version", "3"), ConfigPlanChecks: willUpdate(plancheck.ResourceActionUpdate),
			},
		)
	})

	t.Run("PlansATestOfUntestedSettings", func(t *testing.T) {
		s := newMemorySite(bare)
		s.run(t,
			resource.TestStep{Config: s.config()},
			resource.TestStep{
				// Terraform must manage settings that were made by hand and never verified.
				PreConfig: func() { s.state.Settings.FromName = "Client" },
				Config:    s.config("from_name", `"Client"`), ConfigPlanChecks: willUpdate(plancheck.ResourceActionUpdate),
				ConfigStateChecks: s.holds(t, "smtp.example.com", 3),
			},
		)
	})
}

func TestAccPlatformThatCannot(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		can       site.Capabilities
		arguments []string
		says      string
	}{
		"HoldAnEncryption": {
			site.Capabilities{UnsupportedValues: []site.UnsupportedValue{{Field: "encryption", Value: site.STARTTLS, Reason: "STARTTLS is only opportunistic there."}}},
			nil, `(?s)Platform cannot do this.*encryption\s+=.*only\s+opportunistic`,
		},
		"SayWhetherATestPassed": {site.Capabilities{NoVerdict: true}, []string{"enabled", "true"}, `(?s)Platform cannot do this.*enabled\s+=.*never\s+enabled`},
		"SwitchOff":             {site.Capabilities{Off: site.OffNever}, []string{"enabled", "false", "on_destroy", `"keep"`}, `(?s)enabled\s+=.*no way to switch mail\s+off`},
		"BeLeftDisabled":        {site.Capabilities{Off: site.OffByClearing}, []string{"on_destroy", `"disable"`}, `(?s)on_destroy\s+=.*"clear"\s+or\s+"keep"`},
		"BeCleared":             {site.Capabilities{PasswordStays: true}, []string{"on_destroy", `"clear"`}, `(?s)on_destroy\s+=.*cannot\s+remove\s+a\s+stored\s+password`},
		"ChooseTheRecipient": {
			site.Capabilities{Addressee: site.ToCaller},
			[]string{"test", `{ recipient = "else@example.test" }`},
			`(?s)Platform cannot do this.*only\s+to\s+the\s+account`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newMemorySite(tt.can)
			s.run(t, resource.TestStep{Config: s.config(tt.arguments...), PlanOnly: true, ExpectError: regexp.MustCompile(tt.says)})
			if s.tests > 0 || !s.state.Settings.IsZero() {
				t.Errorf("the site was touched: %+v", s.state)
			}
		})
	}
}

// The plan warns about the risks of a change.
func TestPlanWarnsOfWhatAChangeRisks(t *testing.T) {
	change := site.Change{
		Prior:     site.State{Settings: site.Settings{Host: "smtp.example.com", Username: "a"}, Enabled: true, Verification: &site.Verification{}},
		Candidate: site.Candidate{Settings: site.Settings{Host: "smtp.example.test", Username: "a"}, Password: secret.New("right")},
		Enabled:   true,
	}
	for name, tt := range map[string]struct {
		can  site.Capabilities
		says []string
	}{
		"Contract": {site.Capabilities{}, nil},
		"Bare":     {bare, []string{`only (platform "bare"): `, "If the run is killed", "If the test fails, mail is off"}},
	} {
		t.Run(name, func(t *testing.T) {
			var diags diag.Diagnostics
			newMemorySite(tt.can).entry().checkChange(change, settingsModel{}, &diags)
			if diags.HasError() || diags.WarningsCount() != min(len(tt.says), 1) {
				t.Fatalf("got %v", diags)
			}
			for _, want := range tt.says {
				if got := diags.Warnings()[0].Detail(); !strings.Contains(got, want) {
					t.Errorf("warning %q does not say %q", got, want)
				}
			}
		})
	}
}
