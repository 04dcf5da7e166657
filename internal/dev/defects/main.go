// Command defects proves that the tests notice bugs. It introduces one bug after another into the code, each of which a reviewer could
// overlook, and finds the test that fails because of it. The source files are not changed: the go command reads changed files in their
// place (its flag -overlay), and rebuilds only what depends on them.
//
// SOAK=all tries all defects; otherwise a tenth is tried, which SOAK_SEED selects.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sitemail/terraform-provider-smtp/internal/test/pinned"
	"github.com/sitemail/terraform-provider-smtp/internal/test/soaktest"
)

func main() {
	log.SetFlags(0)
	only := flag.String("run", "", "regular expression: try the defects whose name matches, instead of a draw")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, *only)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer, only string) error {
	chosen, err := choose(w, only)
	if err != nil {
		return err
	}
	chosen = slices.DeleteFunc(chosen, func(d defect) bool {
		if d.needs == "" {
			return false
		}
		_, err := exec.LookPath(d.needs)
		if err != nil {
			fmt.Fprintf(w, "%-36s skipped: its tests run %s, which is not installed\n", d.name, d.needs)
		}
		return err != nil
	})
	root, err := pinned.ModuleRoot(ctx)
	if err != nil {
		return err
	}
	m, err := newModule(ctx, root)
	if err != nil {
		return err
	}
	defer m.close()
	start := time.Now()
	if err := m.testUnbroken(ctx, chosen); err != nil {
		return err
	}
	fmt.Fprintf(w, "without a defect all tests pass  %s\n", since(start))
	missed := tryAll(ctx, w, m, chosen)
	fmt.Fprintf(w, "%d of %d defects tried, %d noticed  %s\n", len(chosen), len(all()), len(chosen)-missed, since(start))
	if missed > 0 {
		return errors.New("a defect was not noticed: write a test that fails because of it")
	}
	return ctx.Err()
}

// tryAll prints a line for each defect, and returns how many were not noticed. It tries one defect per processor at a time.
func tryAll(ctx context.Context, w io.Writer, m *module, chosen []defect) (missed int) {
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	for _, d := range chosen {
		group.Go(func() error {
			start := time.Now()
			by, err := m.try(ctx, d)
			if ctx.Err() != nil {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				missed++
				by = fmt.Sprintf("NOT NOTICED: %v", err)
			}
			fmt.Fprintf(w, "%-36s %-10s %6s  %s\n", d.name, d.breaks, since(start), by)
			return nil
		})
	}
	_ = group.Wait() // errors were printed
	return missed
}

func since(start time.Time) string { return fmt.Sprintf("%.1fs", time.Since(start).Seconds()) }

// choose returns the defects to try.
func choose(w io.Writer, only string) ([]defect, error) {
	if only == "" {
		return soaktest.Draw(teller{w}, all(), nil), nil
	}
	wanted, err := regexp.Compile(only)
	if err != nil {
		return nil, err
	}
	var chosen []defect
	for _, d := range all() {
		if wanted.MatchString(d.name) {
			chosen = append(chosen, d)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no defect has a name that matches %s", only)
	}
	return chosen, nil
}

// teller implements [soaktest.T] outside of a test.
type teller struct{ io.Writer }

func (teller) Helper()                             {}
func (teller) Name() string                        { return "defects" }
func (t teller) Logf(format string, args ...any)   { fmt.Fprintf(t, format+"\n", args...) }
func (t teller) Fatalf(format string, args ...any) { log.Fatalf(format, args...) }
