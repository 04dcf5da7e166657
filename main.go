// Command terraform-provider-smtp is the Terraform provider for a site's outgoing mail.
package main

import (
	"flag"
	"log"

	"github.com/sitemail/terraform-provider-smtp/internal/provider"
)

// version is set by the linker at release.
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "wait for a debugger to attach")
	flag.Parse()
	if err := provider.Serve(version, *debug); err != nil {
		log.Fatal(err)
	}
}
