package provider

import (
	"context"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
)

// Address is that of the provider in Terraform's registry.
const Address = "registry.terraform.io/sitemail/smtp"

// gcPercent lets a process that lives for one walk collect its garbage less often than the default of 100.
const gcPercent = 200

// Serve serves the provider to the CLI that started this process, until that ends it. With debug it waits for a debugger.
func Serve(ctx context.Context, version string, debugger bool) error {
	silenceLogs(os.Environ(), os.Setenv)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if !debugger {
		go exitWhenOrphaned()
	}
	return providerserver.Serve(ctx, New(version), providerserver.ServeOpts{Address: Address, Debug: debugger})
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
