// Bench applies many sites and prints what that costs beside what other ways cost: the CLI's own resources, a provider
// with the same schemas that does nothing, and the same calls made with curl. The contenders take turns, so that whatever
// else the machine does hits all of them; what counts are the ratios.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/tfcli"
)

func main() {
	sizes := flag.String("n", "100", "numbers of sites, with commas between them")
	rounds := flag.Int("rounds", 5, "how often each contender runs")
	latency := flag.Duration("latency", 0, "how long a site takes for every answer")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, *sizes, *rounds, *latency)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, sizes string, rounds int, latency time.Duration) error {
	cli, err := tfcli.Find(ctx, os.Stderr)
	if err != nil {
		return err
	}
	tools, remove, err := tempDir()
	if err != nil {
		return err
	}
	defer remove()
	if err := build(ctx, "./internal/bench/usage", filepath.Join(tools, "usage")); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s, %d rounds, latency %s\n", cli, rounds, latency)
	for size := range strings.SplitSeq(sizes, ",") {
		sites, err := strconv.Atoi(size)
		if err != nil {
			return err
		}
		results := map[string][]map[string]sample{}
		for range rounds {
			for _, c := range contenders {
				samples, err := c.play(ctx, cli, tools, sites, latency)
				if err != nil {
					return err
				}
				results[c.name] = append(results[c.name], samples)
			}
		}
		printTable(out, sites, results)
	}
	return nil
}
