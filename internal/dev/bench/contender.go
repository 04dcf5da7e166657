package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/test/pinned"
	"github.com/sitemail/terraform-provider-smtp/internal/test/tfcli"
)

// contender is one of the ways to manage the sites that are compared.
type contender struct {
	name string
	// command is the package that is built as the provider; empty if only the CLI's own resources are used.
	command string
	// config is the configuration; see configs.go.
	config string
	// env are environment variables for the CLI and the provider.
	env []string
}

var contenders = []contender{
	{name: "smtp", command: ".", config: smtpConfig},
	{name: "terraform_data", config: dataConfig},
	{name: "floor", command: "./internal/dev/bench/floor", config: smtpConfig},
	{name: "full floor", command: "./internal/dev/bench/floor", config: smtpConfig, env: []string{"BENCH_FLOOR=full"}},
	{name: "curl", config: curlConfig},
}

// sample is the measured cost of one phase of one contender.
type sample struct {
	Wall time.Duration
	// AllCPU is the processor time of the CLI and all its child processes, without the sites and the mail server.
	AllCPU time.Duration
	// CPU and PeakMemory (bytes) are those of the provider's processes, Starts their number.
	CPU        time.Duration
	PeakMemory int64
	Starts     int
	// Calls and Connections are the requests and connections to the sites.
	Calls, Connections int64
}

// phase is one command of a run.
type phase struct {
	// name is its name in the tables, host the mail server in the configuration of this phase.
	name, host string
	args       []string
}

// phases are the commands of a run, in order. Plan and apply are separate, so that their requests can be counted separately.
var phases = []phase{
	{"plan create", "127.0.0.1", []string{"plan", "-out=create.tfplan"}},
	{"create", "127.0.0.1", []string{"apply", "create.tfplan"}},
	noop,
	{"plan update", "localhost", []string{"plan", "-out=update.tfplan"}},
	{"update", "localhost", []string{"apply", "update.tfplan"}},
	{"plan destroy", "localhost", []string{"plan", "-destroy", "-out=destroy.tfplan"}},
	{"destroy", "localhost", []string{"apply", "destroy.tfplan"}},
}

// noop is a plan without changes.
var noop = phase{"no-op plan", "127.0.0.1", []string{"plan", "-detailed-exitcode"}}

// match is one contender with its own servers.
type match struct {
	contender
	*servers
	workspace tfcli.Workspace
	remove    func()
}

func (b *bench) begin(ctx context.Context, c contender, sites int) (m match, err error) {
	m.contender = c
	dir, remove, err := tempDir()
	if err != nil {
		return m, err
	}
	m.remove = remove
	if m.servers, err = startServers(dir, sites); err != nil {
		return m, err
	}
	m.workspace, err = b.prepare(ctx, c, filepath.Join(dir, "plan"))
	return m, err
}

// end cleans up, even if begin failed.
func (m match) end() {
	if m.servers != nil {
		m.close()
	}
	if m.remove != nil {
		m.remove()
	}
}

// play runs every phase of a contender against new servers.
func (b *bench) play(ctx context.Context, c contender, sites int) (map[string]sample, error) {
	m, err := b.begin(ctx, c, sites)
	defer m.end()
	if err != nil {
		return nil, err
	}
	samples := map[string]sample{}
	for _, p := range phases {
		if samples[p.name], err = m.run(ctx, p); err != nil {
			return nil, err
		}
	}
	return samples, nil
}

func (m match) run(ctx context.Context, p phase) (sample, error) {
	if err := m.writeVariables(m.workspace.Dir, p.host); err != nil {
		return sample{}, err
	}
	s, err := m.measure(ctx, m.workspace, p.args, m.env)
	if err != nil {
		return s, fmt.Errorf("%s, %s of %d sites: %w", m.name, p.name, len(m.clients), err)
	}
	return s, nil
}

// prepare creates a workspace in which the contender's provider runs under a wrapper that records its resource usage.
func (b *bench) prepare(ctx context.Context, c contender, dir string) (tfcli.Workspace, error) {
	workspace, err := b.cli.NewWorkspace(ctx, dir, "sitemail/smtp")
	if err != nil {
		return workspace, err
	}
	if c.command != "" {
		if err := pinned.Command(ctx, c.command, workspace.Binary+".real"); err != nil {
			return workspace, err
		}
		if err := os.Remove(workspace.Binary); err != nil {
			return workspace, err
		}
		if err := os.Link(filepath.Join(b.tools, "usage"), workspace.Binary); err != nil {
			return workspace, err
		}
	}
	return workspace, workspace.Init(ctx, c.config)
}

// measure runs one command of the CLI, with env added to its environment.
func (s *servers) measure(ctx context.Context, workspace tfcli.Workspace, args, env []string) (sample, error) {
	usage := filepath.Join(workspace.Dir, "usage")
	if err := os.RemoveAll(usage); err != nil {
		return sample{}, err
	}
	calls, connections := s.calls.Load(), s.connections.Load()
	cmd := workspace.Command(ctx, append([]string{args[0], "-no-color", "-input=false"}, args[1:]...)...)
	cmd.Env = append(append(cmd.Env, "BENCH_USAGE="+usage), env...)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	took := sample{Wall: time.Since(start), Calls: s.calls.Load() - calls, Connections: s.connections.Load() - connections}
	if err != nil {
		return took, fmt.Errorf("%w\n%s", err, out[max(0, len(out)-2000):])
	}
	took.AllCPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return took, took.addUsage(usage)
}

// addUsage adds the usage that the provider's wrapper recorded. Without a provider, there is none.
func (s *sample) addUsage(file string) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); s.Starts++ {
		var cpu, memory int64
		if _, err := fmt.Sscan(lines.Text(), &cpu, &memory); err != nil {
			return err
		}
		s.CPU += time.Duration(cpu) * time.Microsecond
		s.PeakMemory = max(s.PeakMemory, memory<<10)
	}
	return nil
}

func (s *servers) writeVariables(dir, host string) error {
	values, err := json.Marshal(map[string]any{
		"clients": s.clients, "tokens": s.tokens, "host": host, "port": s.smtp.Port(), "password": password,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "terraform.tfvars.json"), values, 0o600)
}
