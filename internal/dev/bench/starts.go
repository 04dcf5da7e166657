package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/test/pinned"
)

// starts compares the time that providers take from start to handshake.
func (b *bench) starts(ctx context.Context) error {
	const tries = 20
	times := map[string][]float64{}
	for range max(b.rounds, 1) * tries {
		for _, c := range contenders {
			if c.command == "" {
				continue
			}
			binary := filepath.Join(b.tools, c.name)
			if _, err := os.Stat(binary); err != nil {
				if err := pinned.Command(ctx, c.command, binary); err != nil {
					return err
				}
			}
			took, err := handshake(ctx, binary)
			if err != nil {
				return err
			}
			times[c.name] = append(times[c.name], took.Seconds())
		}
	}
	ratios := make([]float64, len(times["smtp"]))
	for i := range ratios {
		ratios[i] = times["smtp"][i] / times["floor"][i]
	}
	slices.Sort(ratios)
	fmt.Fprintf(b.out, "\nStart to handshake: %.1f ms, %.2f times the floor (middle half: %.2f to %.2f, of %d starts)\n",
		1000*median(times["smtp"]), median(ratios), ratios[len(ratios)/4], ratios[len(ratios)*3/4], len(ratios))
	return nil
}

// handshake starts a provider like the CLI does, and kills it once it has printed where it listens.
func handshake(ctx context.Context, binary string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = append(os.Environ(), "TF_PLUGIN_MAGIC_COOKIE=d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2", "PLUGIN_PROTOCOL_VERSIONS=6",
		"TMPDIR="+filepath.Dir(binary)) // a killed provider leaves its socket there
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	_, err = bufio.NewReader(stdout).ReadString('\n')
	took := time.Since(began)
	if err != nil {
		err = fmt.Errorf("%s said nothing: %w", binary, err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // the error says that it was killed
	return took, err
}
