// Command bench applies many sites and compares the cost with that of other ways: the CLI's own resources, a provider with the same
// schemas that does nothing, and the same requests sent with curl. The contenders take turns, so that other load on the machine affects
// all of them. The ratios matter, not the absolute times.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/test/pinned"
	"github.com/sitemail/terraform-provider-smtp/internal/test/tfcli"
)

// bench is one run of the program.
type bench struct {
	out io.Writer
	cli tfcli.CLI
	// tools is the folder in which the benchmark's own programs are built.
	tools string
	// sizes are the numbers of sites, from small to large; rounds is how often each contender runs.
	sizes  []int
	rounds int
	// latency is the response time of a slow site, sending the time that a slow mail server takes for a message.
	latency, sending time.Duration
}

func main() {
	sizes := flag.String("n", "10,100,1000", "numbers of sites, from small to large")
	rounds := flag.Int("rounds", 5, "number of runs of each contender")
	only := flag.String("only", "", "comma-separated names of contenders, which must include smtp and floor; default: all")
	latency := flag.Duration("latency", 200*time.Millisecond, "response time of slow sites; 0 skips them")
	sending := flag.Duration("sending", time.Second, "time that a slow mail server takes for a message; 0 skips it")
	file := flag.String("o", "", "file to write the results to, in addition to standard output")
	profile := flag.String("profile", "", "folder for CPU profiles of the provider; only the provider is then run")
	flag.Parse()
	if *only != "" {
		contenders = slices.DeleteFunc(contenders, func(c contender) bool { return !slices.Contains(strings.Split(*only, ","), c.name) })
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	b := &bench{rounds: *rounds, latency: *latency, sending: *sending}
	err := b.record(*file, func() error { return b.run(ctx, *sizes, *profile) })
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// record also writes the output of run to the named file, unless name is empty.
func (b *bench) record(name string, run func() error) error {
	b.out = os.Stdout
	if name == "" {
		return run()
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	b.out = io.MultiWriter(os.Stdout, file)
	return errors.Join(run(), file.Close())
}

func (b *bench) run(ctx context.Context, sizes, profile string) (err error) {
	for size := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil {
			return err
		}
		b.sizes = append(b.sizes, n)
	}
	if b.cli, err = tfcli.Find(ctx, os.Stderr); err != nil {
		return err
	}
	tools, remove, err := tempDir()
	if err != nil {
		return err
	}
	defer remove()
	b.tools = tools
	if err := pinned.Command(ctx, "./internal/dev/bench/usage", filepath.Join(tools, "usage")); err != nil {
		return err
	}
	if profile != "" {
		return b.profile(ctx, profile)
	}
	fmt.Fprintln(b.out, b.machine())
	for _, part := range []func(context.Context) error{b.starts, b.compare, b.remoteState, b.slowSites, b.slowServer} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// profile runs only the provider, with the largest number of sites.
func (b *bench) profile(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Setenv("BENCH_PROFILE", dir); err != nil {
		return err
	}
	_, err := b.play(ctx, contender{name: "smtp", command: "./internal/dev/bench/profiled", config: smtpConfig}, b.sizes[len(b.sizes)-1])
	return err
}

// compare runs all contenders with each number of sites.
func (b *bench) compare(ctx context.Context) error {
	cpu := map[string][]float64{} // by phase: the medians of our provider, for each size
	for _, n := range b.sizes {
		results := map[string][]map[string]sample{}
		for round := range b.rounds {
			for _, c := range contenders {
				start := time.Now()
				samples, err := b.play(ctx, c, n)
				if err != nil {
					return err
				}
				fmt.Fprintf(os.Stderr, "%d sites, round %d of %d: %s took %s\n", n, round+1, b.rounds, c.name, time.Since(start).Round(time.Millisecond))
				results[c.name] = append(results[c.name], samples)
			}
		}
		printTable(b.out, n, results)
		for _, p := range phases {
			cpu[p.name] = append(cpu[p.name], middle(results["smtp"], p.name, cpuSeconds))
		}
	}
	b.printGrowth(cpu)
	return nil
}
