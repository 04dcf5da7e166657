// Command profiled is the provider, with a CPU profile of each process in the folder named by BENCH_PROFILE.
package main

import (
	"log"
	"os"
	"runtime/pprof"

	"github.com/sitemail/terraform-provider-smtp/internal/provider"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	file, err := os.CreateTemp(os.Getenv("BENCH_PROFILE"), "*.pprof")
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	defer func() {
		pprof.StopCPUProfile()
		_ = file.Close()
	}()
	return provider.Serve("profiled", false)
}
