package provider

import (
	"context"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

// Address is the address of the provider in Terraform's registry.
const Address = "registry.terraform.io/sitemail/smtp"

// gcPercent makes garbage collection less frequent than the default of 100, because the process lives for only one run.
const gcPercent = 200

// Serve serves the provider to the CLI that started this process, until the CLI stops it. With debugger, it waits for a debugger
// instead.
func Serve(version string, debugger bool) error {
	silenceLogs(os.Environ(), os.Setenv)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if !debugger {
		go exitWhenOrphaned()
	}
	var opts []tf6server.ServeOpt
	if debugger {
		opts = append(opts, tf6server.WithManagedDebug())
	}
	return tf6server.Serve(Address, NewServer(nil, version), opts...)
}

// NewServer returns the constructor of a server that serves the provider over Terraform's protocol. The provider connects to sites
// through dial; nil stands for the network of this machine.
func NewServer(dial func(ctx context.Context, network, address string) (net.Conn, error), version string) func() tfprotov6.ProviderServer {
	return func() tfprotov6.ProviderServer {
		served, _ := providerserver.NewProtocol6(&smtpProvider{version: version, dial: dial})().(frameworkServer)
		return server{served}
	}
}

// server is the framework's server with one fix: the framework refuses write-only attributes when it validates actions, because only
// resources tell it that Terraform supports them. Every Terraform with actions does.
type server struct{ frameworkServer }

type frameworkServer interface {
	tfprotov6.ProviderServer
	tfprotov6.ListResourceServer
	tfprotov6.ActionServer
	tfprotov6.StateStoreServer
}

// writeOnlyRefused is the summary of the framework's error for a write-only attribute that has a value.
const writeOnlyRefused = "WriteOnly Attribute Not Allowed"

// ValidateActionConfig is the framework's validation without its refusal of write-only attributes.
func (s server) ValidateActionConfig(ctx context.Context, req *tfprotov6.ValidateActionConfigRequest) (*tfprotov6.ValidateActionConfigResponse, error) {
	resp, err := s.frameworkServer.ValidateActionConfig(ctx, req)
	if err == nil {
		resp.Diagnostics = slices.DeleteFunc(resp.Diagnostics, func(d *tfprotov6.Diagnostic) bool { return d.Summary == writeOnlyRefused })
	}
	return resp, err
}

// silenceLogs switches logging off unless an environment variable enables it. Otherwise the plugin modules write every line, down to
// level TRACE, to the CLI, which discards it.
func silenceLogs(environment []string, set func(name, value string) error) {
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		if (name == "TF_LOG" || strings.HasPrefix(name, "TF_LOG_")) && value != "" {
			return
		}
	}
	for _, logger := range []string{"TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_PROTO", "TF_LOG_PROVIDER_SMTP"} {
		_ = set(logger, "OFF") // fails only for invalid names
	}
}

// exitWhenOrphaned ends this process two minutes after Terraform, which started it, was killed and could not stop it. Requests end with
// Terraform, except those that switch untested mail off, which may take a minute.
func exitWhenOrphaned() {
	waitForNewParent(os.Getppid(), os.Getppid, time.Tick(time.Second))
	time.AfterFunc(2*time.Minute, func() { os.Exit(1) })
}

// waitForNewParent returns at the first tick at which the parent process has changed. On Windows it never changes.
func waitForNewParent(parent int, now func() int, ticks <-chan time.Time) {
	for range ticks {
		if now() != parent {
			return
		}
	}
}
