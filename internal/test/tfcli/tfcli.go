// Package tfcli finds the Terraform or OpenTofu that tests and the demo drive, and builds a pinned OpenTofu if neither is installed.
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

// CLI is a Terraform or an OpenTofu with support for write-only attributes.
type CLI struct {
	// Path is the path of the executable.
	Path string
	// OpenTofu is false for Terraform.
	OpenTofu bool
	// Version is the version that the executable reports, such as "1.12.6".
	Version string
}

// Find returns the CLI that TF_ACC_TERRAFORM_PATH names, else the first usable one of terraform and tofu on PATH, else [Pinned]. It
// writes a line to log for each one that it skips. It returns an error if the CLI that TF_ACC_TERRAFORM_PATH names cannot be used.
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
		fmt.Fprintf(log, "Skipped: %s\n", err)
	}
	return pinnedCLI(ctx, log, "No terraform or tofu on PATH can be used")
}

// String returns the product and its version, such as "OpenTofu 1.12.6".
func (c CLI) String() string {
	if c.OpenTofu {
		return "OpenTofu " + c.Version
	}
	return "Terraform " + c.Version
}

// Name returns the command that people type: "terraform" or "tofu".
func (c CLI) Name() string {
	if c.OpenTofu {
		return "tofu"
	}
	return "terraform"
}

// TestEnv returns the environment variables that make terraform-plugin-testing use this CLI and ignore the user's configuration of it.
func (c CLI) TestEnv() map[string]string {
	env := ownEnv()
	env[envPath] = c.Path
	if c.OpenTofu {
		env["TF_ACC_PROVIDER_HOST"] = c.Registry()
		env["TF_ACC_PROVIDER_NAMESPACE"] = "hashicorp"
	}
	return env
}

// Command returns a command that runs the CLI. Its environment is that of this process, without any variable that would configure the
// CLI or the provider. When ctx ends, the CLI is interrupted, and killed ten seconds later if it is still running.
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

// command returns a command that is interrupted when ctx ends, so that it can clean up: a killed CLI would leave plugins and temporary
// files behind.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// ownEnv points the CLI at an empty configuration file. If the file did not exist, OpenTofu would print a warning into the JSON on
// standard output.
func ownEnv() map[string]string {
	return map[string]string{"TF_CLI_CONFIG_FILE": os.DevNull, "CHECKPOINT_DISABLE": "1"}
}

var versionLine = regexp.MustCompile(`(?m)^(Terraform|OpenTofu) v((\d+)\.(\d+)\S*)`)

// probe runs the executable's version command. Both products support write-only attributes since 1.11.
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
		return CLI{}, fmt.Errorf("%s is %s, but write-only attributes need 1.11", path, cli)
	}
	return cli, nil
}

func firstLine(out []byte) string {
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}
