package tfcli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// install writes an executable that answers as the CLI would, and returns its path.
func install(t *testing.T, dir, name, says string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	script := "#!/bin/sh\necho '" + says + "'\n"
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFind(t *testing.T) {
	const (
		terraform = "Terraform v1.15.9"
		old       = "Terraform v1.5.7"
		tofu      = "OpenTofu v1.12.6"
	)
	tests := map[string]struct {
		onPath  map[string]string
		named   string
		want    CLI
		wantLog string
	}{
		"TerraformComesFirst":       {map[string]string{"terraform": terraform, "tofu": tofu}, "", CLI{"terraform", false, "1.15.9"}, ""},
		"FallsBackToTofu":           {map[string]string{"tofu": tofu}, "", CLI{"tofu", true, "1.12.6"}, ""},
		"SkipsOldTerraform":         {map[string]string{"terraform": old, "tofu": tofu}, "", CLI{"tofu", true, "1.12.6"}, "is Terraform 1.5.7, but write-only attributes need 1.11"},
		"SkipsForeignProgram":       {map[string]string{"terraform": "Hello", "tofu": tofu}, "", CLI{"tofu", true, "1.12.6"}, `neither Terraform nor OpenTofu: its version reads "Hello"`},
		"PrereleaseCounts":          {map[string]string{"terraform": "Terraform v1.16.0-rc2"}, "", CLI{"terraform", false, "1.16.0-rc2"}, ""},
		"WarningBeforeVersion":      {map[string]string{"tofu": "\nWarning: x\n\n" + tofu + "\non linux_amd64"}, "", CLI{"tofu", true, "1.12.6"}, ""},
		"NamedOneWinsOverPath":      {map[string]string{"terraform": terraform, "mine": tofu}, "mine", CLI{"mine", true, "1.12.6"}, ""},
		"NextMajorIsNotTooOld":      {map[string]string{"terraform": "Terraform v2.0.0"}, "", CLI{"terraform", false, "2.0.0"}, ""},
		"FirstWithWriteOnly":        {map[string]string{"terraform": "Terraform v1.11.0"}, "", CLI{"terraform", false, "1.11.0"}, ""},
		"SkipsLastWithoutWriteOnly": {map[string]string{"terraform": "Terraform v1.10.5", "tofu": tofu}, "", CLI{"tofu", true, "1.12.6"}, "1.10.5"},
		"NamedIsNotOnlyOnPath":      {map[string]string{"mine": terraform}, "mine", CLI{"mine", false, "1.15.9"}, ""},
		"SkipsOldTofu":              {map[string]string{"terraform": terraform, "tofu": "OpenTofu v1.10.0"}, "", CLI{"terraform", false, "1.15.9"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for name, says := range test.onPath {
				install(t, dir, name, says)
			}
			t.Setenv("PATH", dir)
			t.Setenv(envPath, "")
			if test.named != "" {
				t.Setenv(envPath, filepath.Join(dir, test.named))
			}
			var log strings.Builder
			got, err := Find(t.Context(), &log)
			if err != nil {
				t.Fatal(err)
			}
			test.want.Path = filepath.Join(dir, test.want.Path)
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if log := log.String(); !strings.Contains(log, test.wantLog) || (log == "") != (test.wantLog == "") {
				t.Errorf("log %q, want %q", log, test.wantLog)
			}
		})
	}
}

func TestFindRefusesAnUnusableNamedCLI(t *testing.T) {
	dir := t.TempDir()
	install(t, dir, "terraform", "Terraform v1.15.9")
	t.Setenv("PATH", dir)
	tests := map[string]struct{ path, want string }{
		"Missing": {filepath.Join(dir, "gone"), "no such file"},
		"TooOld":  {install(t, dir, "old", "Terraform v1.5.7"), "write-only attributes need 1.11"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv(envPath, test.path)
			_, err := Find(t.Context(), t.Output())
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), envPath) {
				t.Errorf("got %v, want an error that names %s and says %q", err, envPath, test.want)
			}
		})
	}
}

func TestTestEnv(t *testing.T) {
	env := CLI{Path: "/opt/tofu", OpenTofu: true}.TestEnv()
	for name, want := range map[string]string{
		envPath:                     "/opt/tofu",
		"TF_ACC_PROVIDER_HOST":      "registry.opentofu.org",
		"TF_ACC_PROVIDER_NAMESPACE": "hashicorp",
		"TF_CLI_CONFIG_FILE":        os.DevNull,
	} {
		if env[name] != want {
			t.Errorf("%s = %q, want %q", name, env[name], want)
		}
	}
	if host, ok := (CLI{Path: "/opt/terraform"}).TestEnv()["TF_ACC_PROVIDER_HOST"]; ok {
		t.Errorf("TestEnv sets the provider host %q for Terraform", host)
	}
}

func TestCommandDropsTheUsersConfiguration(t *testing.T) {
	for _, name := range []string{"TF_VAR_password", "TF_LOG", "TF_CLI_CONFIG_FILE", "SMTP_SITE_TOKEN"} {
		t.Setenv(name, "from the user")
	}
	t.Setenv("UNRELATED", "kept")
	env := CLI{Path: "terraform"}.Command(t.Context(), "plan").Env
	for _, entry := range env {
		if strings.HasSuffix(entry, "=from the user") {
			t.Errorf("%s reached the CLI", entry)
		}
	}
	for _, want := range []string{"UNRELATED=kept", "TF_CLI_CONFIG_FILE=" + os.DevNull, "CHECKPOINT_DISABLE=1"} {
		if !slices.Contains(env, want) {
			t.Errorf("%s did not reach the CLI", want)
		}
	}
}
