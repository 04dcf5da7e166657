package tfcli

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/test/pinned"
)

// Workspace is a folder with a configuration, in which a CLI runs this module's provider without the user's configuration.
type Workspace struct {
	// Dir is the working folder of the CLI.
	Dir string
	// Binary is the provider's executable.
	Binary string

	cli    CLI
	config string
}

// NewWorkspace builds the provider from source and prepares the folder dir, so that [Workspace.Init] finds that provider there, and no
// other. source is its source address, such as "sitemail/smtp" or, with a host, "registry.terraform.io/sitemail/smtp".
func (c CLI) NewWorkspace(ctx context.Context, dir, source string) (Workspace, error) {
	if strings.Count(source, "/") == 1 {
		source = c.Registry() + "/" + source
	}
	mirror := filepath.Join(dir, ".mirror")
	binary := filepath.Join(mirror, source, "0.1.0", runtime.GOOS+"_"+runtime.GOARCH, "terraform-provider-smtp_v0.1.0")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	if err := pinned.Command(ctx, ".", binary); err != nil {
		return Workspace{}, err
	}
	w, err := c.NewWorkspaceFrom(dir, mirror)
	w.Binary = binary
	return w, err
}

// NewWorkspaceFrom prepares the folder dir, so that [Workspace.Init] finds providers only in the filesystem mirror. [Workspace.Binary]
// is empty.
func (c CLI) NewWorkspaceFrom(dir, mirror string) (Workspace, error) {
	w := Workspace{Dir: dir, cli: c, config: filepath.Join(dir, ".cli.tfrc")}
	config := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
	return w, os.WriteFile(w.config, []byte(config), 0o600)
}

// Init writes config to the workspace and runs "init".
func (w Workspace) Init(ctx context.Context, config string) error {
	if err := os.WriteFile(filepath.Join(w.Dir, "main.tf"), []byte(config), 0o600); err != nil {
		return err
	}
	if out, err := w.Command(ctx, "init", "-no-color").CombinedOutput(); err != nil {
		return fmt.Errorf("init: %w\n%s", err, out)
	}
	return nil
}

// NotePIDs enables [Workspace.Provider], on systems with /bin/sh: from now on each start of the provider records its process ID.
func (w Workspace) NotePIDs() error {
	if err := os.Rename(w.Binary, w.Binary+".real"); err != nil {
		return err
	}
	script := "#!/bin/sh\necho $$ >'" + w.pidFile() + "'\nexec \"$0.real\" \"$@\"\n"
	return os.WriteFile(w.Binary, []byte(script), 0o755)
}

func (w Workspace) pidFile() string { return w.config + ".pid" }

// Provider returns the most recently started process of the provider.
func (w Workspace) Provider() (*os.Process, error) {
	text, err := os.ReadFile(w.pidFile())
	if err != nil {
		return nil, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, err
	}
	return os.FindProcess(pid)
}

// Command is [CLI.Command] in the workspace.
func (w Workspace) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := w.cli.Command(ctx, args...)
	cmd.Dir = w.Dir
	cmd.Env = append(cmd.Env, "TF_CLI_CONFIG_FILE="+w.config)
	return cmd
}

// Registry returns the default host of source addresses.
func (c CLI) Registry() string {
	if c.OpenTofu {
		return "registry.opentofu.org"
	}
	return "registry.terraform.io"
}
