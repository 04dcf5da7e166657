package provider_test

import (
	"archive/zip"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/echoprovider"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// A published vector of the derivation (see package ses).
const (
	secretAccessKey = "some+secret+key"
	sesPassword     = "BMXhUYlu5Z3gSXVQORxlVa7XPaz91aGWdfHxvkOZdWZ2"
	accessKeyID     = "AKIAIOSFODNN7EXAMPLE"
)

func sesPasswordConfig(secretAccessKey, region string) string {
	return `ephemeral "smtp_ses_password" "test" {
  secret_access_key = "` + secretAccessKey + `"
  region            = "` + region + `"
}
`
}

func TestAccSESPassword(t *testing.T) {
	t.Parallel()
	withEcho := maps.Clone(factories)
	withEcho["echo"] = echoprovider.NewProviderServer()
	echo := `provider "echo" { data = ephemeral.smtp_ses_password.test }
resource "echo" "test" {}
`
	derived := func(attribute, want string) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("echo.test", tfjsonpath.New("data").AtMapKey(attribute), knownvalue.StringExact(want))
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: withEcho,
		Steps: []resource.TestStep{
			{Config: sesPasswordConfig("", "eu-central-1"), ExpectError: regexp.MustCompile(`secret_access_key`)},
			{Config: sesPasswordConfig(secretAccessKey, ""), ExpectError: regexp.MustCompile(`region`)},
			{Config: sesPasswordConfig(`a\u0000b`, "eu-central-1"), ExpectError: regexp.MustCompile(`control\s+character`)},
			{
				Config:            sesPasswordConfig(secretAccessKey, "eu-central-1") + echo,
				ConfigStateChecks: []statecheck.StateCheck{derived("password", sesPassword), derived("region", "eu-central-1")},
			},
		},
	})
}

func TestAccSESPasswordLogsIn(t *testing.T) {
	t.Parallel()
	tb := startTestbed(t, smtptest.Config{Users: map[string]secret.Text{accessKeyID: secret.New(sesPassword)}}, "only")
	asIAMUser := arguments{
		"username":     hcl(accessKeyID),
		"password_wo":  "ephemeral.smtp_ses_password.test.password",
		"from_address": hcl(mailbox),
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{ // each region has a different password
				Config:      sesPasswordConfig(secretAccessKey, "us-west-1") + tb.config(asIAMUser),
				ExpectError: regexp.MustCompile("535"),
			},
			{
				PreConfig:        expect{tb: tb, site: "only", wrote: []string{"PUT only /smtp/tests"}}.now,
				Config:           sesPasswordConfig(secretAccessKey, "eu-central-1") + tb.config(asIAMUser),
				ConfigPlanChecks: preApply(willTest(plancheck.ResourceActionCreate)...),
				ConfigStateChecks: []statecheck.StateCheck{
					expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: testAndSave},
					value("password_wo", knownvalue.Null()),
				},
			},
		},
	})
}

// TestAccSESPasswordLeavesNoTrace searches the files that an apply leaves, and its output.
func TestAccSESPasswordLeavesNoTrace(t *testing.T) {
	t.Parallel()
	tb := startTestbed(t, smtptest.Config{Users: map[string]secret.Text{accessKeyID: secret.New(sesPassword)}}, "only")
	config := `variable "secret_access_key" {
  type      = string
  ephemeral = true
}
` + strings.ReplaceAll(sesPasswordConfig("KEY", "eu-central-1"), `"KEY"`, "var.secret_access_key") + tb.config(arguments{
		"username":     hcl(accessKeyID),
		"password_wo":  "ephemeral.smtp_ses_password.test.password",
		"from_address": hcl(mailbox),
	})
	ws := newWorkspace(t, config)
	run := func(args ...string) string {
		cmd := ws.Command(t.Context(), args...)
		cmd.Env = append(cmd.Env, "TF_VAR_secret_access_key="+secretAccessKey, "TF_LOG=TRACE")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s", out)
		}
		return string(out)
	}
	seen := map[string]string{
		"output of plan":  run("plan", "-no-color", "-out=saved.tfplan"),
		"output of show":  run("show", "-json", "saved.tfplan"),
		"output of apply": run("apply", "-no-color", "saved.tfplan"),
	}
	state, err := os.ReadFile(filepath.Join(ws.Dir, "terraform.tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	seen["state"] = string(state)
	maps.Copy(seen, unzip(t, filepath.Join(ws.Dir, "saved.tfplan")))
	for where, text := range seen {
		for _, secret := range []string{secretAccessKey, sesPassword} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %s", where, secret)
			}
		}
	}
	for _, where := range []string{"state", "tfplan", "output of show"} {
		if !strings.Contains(seen[where], accessKeyID) {
			t.Errorf("%s lacks the username too: this test searched the wrong place", where)
		}
	}
}

// unzip returns the files in an archive by name.
func unzip(t *testing.T, file string) map[string]string {
	t.Helper()
	archive, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	all := map[string]string{}
	for _, f := range archive.File {
		content, err := fs.ReadFile(archive, f.Name)
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name] = string(content)
	}
	return all
}

// TestAccSESPasswordRegionWarns: once, although Terraform validates an ephemeral resource twice in a plan.
func TestAccSESPasswordRegionWarns(t *testing.T) {
	t.Parallel()
	warns := func(ws workspace) int {
		return strings.Count(ws.must("plan"), "Warning: Region has no known mail server")
	}
	ws := newWorkspace(t, sesPasswordConfig(secretAccessKey, "eu-central-1"))
	if got := warns(ws); got != 0 {
		t.Errorf("a known region: got %d warnings, want 0", got)
	}
	ws.configure(sesPasswordConfig(secretAccessKey, "eu-centrall-1"))
	if got := warns(ws); got != 1 {
		t.Errorf("an unknown region: got %d warnings, want 1", got)
	}
}
