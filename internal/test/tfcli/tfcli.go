// Package tfcli finds the Terraform or OpenTofu that the tests and the demo drive, and builds a pinned OpenTofu on a
// machine that has neither.
package tfcli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const envPath = "TF_ACC_TERRAFORM_PATH"

// CLI is a Terraform or an OpenTofu that runs and knows write-only attributes.
type CLI struct {
	// Path is that of the executable.
	Path string
	// OpenTofu is false for Terraform.
	OpenTofu bool
	// Version is what the executable says of itself, such as "1.12.6".
	Version string
}

// Find returns the CLI that TF_ACC_TERRAFORM_PATH names, else the first usable one of terraform and tofu on PATH, else
// [Pinned]. It writes a line to log for each that it passes over, and an error when TF_ACC_TERRAFORM_PATH names none.
func Find(ctx context.Context, log io.Writer) (CLI, error) {
	if path := os.Getenv(envPath); path != "" {
		cli, err := probe(ctx, path)
		if err != nil {
			return CLI{}, fmt.Errorf("%s: %w", envPath, err)
		}
		return cli, nil
	}
	for _, name := range []string{"terraform", "tofu"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		cli, err := probe(ctx, path)
		if err == nil {
			return cli, nil
		}
		fmt.Fprintf(log, "Passed over: %s\n", err)
	}
	return pinnedCLI(ctx, log, "No terraform or tofu on PATH can be used")
}

// String names the product and its version, such as "OpenTofu 1.12.6".
func (c CLI) String() string {
	if c.OpenTofu {
		return "OpenTofu " + c.Version
	}
	return "Terraform " + c.Version
}

// Name is the command that people type: "terraform" or "tofu".
func (c CLI) Name() string {
	if c.OpenTofu {
		return "tofu"
	}
	return "terraform"
}

// TestEnv returns the variables that make terraform-plugin-testing use this CLI, and nothing of the user's own
// configuration of it.
func (c CLI) TestEnv() map[string]string {
	env := ownEnv()
	env[envPath] = c.Path
	if c.OpenTofu {
		env["TF_ACC_PROVIDER_HOST"] = c.Registry()
		env["TF_ACC_PROVIDER_NAMESPACE"] = "hashicorp"
	}
	return env
}

// Command returns the call of the CLI with these arguments. Its environment is that of this process, less every
// variable that would configure the CLI or the provider. When ctx ends, the CLI is interrupted, and killed when it then
// takes longer than ten seconds.
func (c CLI) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := command(ctx, c.Path, args...)
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "TF_") && !strings.HasPrefix(entry, "SMTP_") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	for name, value := range ownEnv() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// command returns a call that is interrupted when ctx ends, so that it can put its things away; a call that is killed
// leaves plugins and temporary files behind.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// ownEnv points the CLI at an empty configuration file: with a missing one OpenTofu warns on standard output, amid
// the JSON that its callers read there.
func ownEnv() map[string]string {
	return map[string]string{"TF_CLI_CONFIG_FILE": os.DevNull, "CHECKPOINT_DISABLE": "1"}
}

var versionLine = regexp.MustCompile(`(?m)^(Terraform|OpenTofu) v((\d+)\.(\d+)\S*)`)

// probe asks the executable what it is. Write-only attributes came with 1.11 of both products.
func probe(ctx context.Context, path string) (CLI, error) {
	out, err := CLI{Path: path}.Command(ctx, "version").Output()
	if err != nil {
		return CLI{}, fmt.Errorf("%s version: %w", path, err)
	}
	match := versionLine.FindSubmatch(out)
	if match == nil {
		return CLI{}, fmt.Errorf("%s is neither Terraform nor OpenTofu: its version reads %q", path, firstLine(out))
	}
	cli := CLI{Path: path, OpenTofu: string(match[1]) == "OpenTofu", Version: string(match[2])}
	major, _ := strconv.Atoi(string(match[3]))
	minor, _ := strconv.Atoi(string(match[4]))
	if major < 1 || major == 1 && minor < 11 {
		return CLI{}, fmt.Errorf("%s is %s, and write-only attributes need 1.11", path, cli)
	}
	return cli, nil
}

func firstLine(out []byte) string {
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}
