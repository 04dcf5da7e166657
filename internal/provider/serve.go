package provider

import (
	"context"
	"os"
	"runtime/debug"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
)

// Address is that of the provider in Terraform's registry.
const Address = "registry.terraform.io/sitemail/smtp"

// gcPercent lets a process that lives for one walk collect its garbage less often than the default of 100.
const gcPercent = 200

// Serve serves the provider to the CLI that started this process, until that ends it. With debug it waits for a debugger.
func Serve(ctx context.Context, version string, debugger bool) error {
	quieten(os.Environ(), os.Setenv)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if !debugger {
		go endOrphaned()
	}
	return providerserver.Serve(ctx, New(version), providerserver.ServeOpts{Address: Address, Debug: debugger})
}

// quieten switches off the log when nobody asks for one: otherwise the plugin modules write each line of it, at level
// TRACE, to the CLI, which drops it.
func quieten(environment []string, set func(name, value string) error) {
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
