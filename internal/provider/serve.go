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

// Address is that of the provider in Terraform's registry.
const Address = "registry.terraform.io/sitemail/smtp"

// gcPercent lets a process that lives for one walk collect its garbage less often than the default of 100.
const gcPercent = 200

// Serve serves the provider to the CLI that started this process, until that ends it. With debug it waits for a debugger.
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

// NewServer returns what serves a provider that reaches its sites through dial, nil for the network of this machine, over
// Terraform's protocol.
func NewServer(dial func(ctx context.Context, network, address string) (net.Conn, error), version string) func() tfprotov6.ProviderServer {
	return func() tfprotov6.ProviderServer {
		served, _ := providerserver.NewProtocol6(&smtpProvider{version: version, dial: dial})().(frameworkServer)
		return server{served}
	}
}

// server is that of the framework, which takes the write-only attributes of actions everywhere but in their validation: there
// it asks whether Terraform is old enough not to know them, which only resources tell. No Terraform with actions is.
type server struct{ frameworkServer }

type frameworkServer interface {
	tfprotov6.ProviderServer
	tfprotov6.ListResourceServer
	tfprotov6.ActionServer
	tfprotov6.StateStoreServer
}

// writeOnlyRefused is the summary of the framework's error at a write-only attribute that has a value.
const writeOnlyRefused = "WriteOnly Attribute Not Allowed"

// ValidateActionConfig is the framework's validation without its refusal of write-only attributes.
func (s server) ValidateActionConfig(ctx context.Context, req *tfprotov6.ValidateActionConfigRequest) (*tfprotov6.ValidateActionConfigResponse, error) {
	resp, err := s.frameworkServer.ValidateActionConfig(ctx, req)
	if err == nil {
		resp.Diagnostics = slices.DeleteFunc(resp.Diagnostics, func(d *tfprotov6.Diagnostic) bool { return d.Summary == writeOnlyRefused })
	}
	return resp, err
}

// silenceLogs switches off the log when nobody asks for one: otherwise the plugin modules write each line of it, at level
// TRACE, to the CLI, which drops it.
func silenceLogs(environment []string, set func(name, value string) error) {
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		if (name == "TF_LOG" || strings.HasPrefix(name, "TF_LOG_")) && value != "" {
			return
		}
	}
	for _, logger := range []string{"TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_PROTO", "TF_LOG_PROVIDER_SMTP"} {
		_ = set(logger, "OFF") // fails for names that no system can have
	}
}

// exitWhenOrphaned ends this process some time after Terraform, which started it, was killed and so has not stopped it. Calls
// end with Terraform, save those that switch untested mail off: they get their time, which is a minute.
func exitWhenOrphaned() {
	waitForNewParent(os.Getppid(), os.Getppid, time.Tick(time.Second))
	time.AfterFunc(2*time.Minute, func() { os.Exit(1) })
}

// waitForNewParent returns at the first tick at which the parent is another. On Windows it never is.
func waitForNewParent(parent int, now func() int, ticks <-chan time.Time) {
	for range ticks {
		if now() != parent {
			return
		}
	}
}
