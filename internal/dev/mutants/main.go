// Command mutants changes one place in a package's source at a time, and checks whether the package's own tests notice. If they do not,
// a rule is untested, or the change makes no difference; in the latter case, survivors.txt says why.
//
//	go run ./internal/dev/mutants                     some mutants of each package, always the same
//	go run ./internal/dev/mutants -draw 0 site        all mutants of one package
//	go run ./internal/dev/mutants -list site          list the mutants
//
// The source files are not changed: the go command reads the changed file as an overlay.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// packages are the packages whose bugs could lose a password or leave untested mail on.
var packages = []string{"site", "adminapi", "mail/submit", "mail/oauth", "untrusted", "mail/diagnosis"}

//go:embed survivors.txt
var listed string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	o := options{packages: packages}
	flag.IntVar(&o.draw, "draw", 60, "number of mutants of each package to try; 0 tries all")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the draw")
	flag.StringVar(&o.only, "only", "", "try only those whose name contains this text")
	flag.IntVar(&o.parallel, "parallel", 1, "number of mutants to try concurrently")
	flag.BoolVar(&o.list, "list", false, "only list the mutants")
	flag.Parse()
	if flag.NArg() > 0 {
		o.packages = flag.Args()
	}
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

type options struct {
	packages []string
	draw     int
	seed     uint64
	only     string
	parallel int
	list     bool
}

func run(ctx context.Context, o options) error {
	reasons, err := excuses(listed)
	if err != nil {
		return err
	}
	var all tally
	for _, name := range o.packages {
		mutants, err := mutantsOf(filepath.Join("internal", name))
		if err != nil {
			return err
		}
		drawn := o.choose(mutants)
		if o.list {
			for _, m := range drawn {
				fmt.Fprintln(os.Stdout, m)
			}
			continue
		}
		t, err := o.try(ctx, "./internal/"+name, drawn, reasons)
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stdout, "%-16s %s, of %d that there are\n", name, t, len(mutants))
		all = all.plus(t)
	}
	if o.list {
		return nil
	}
	fmt.Fprintf(os.Stdout, "%-16s %s\n", "together", all)
	if all.survived > 0 {
		return fmt.Errorf("%d survived without a reason in survivors.txt", all.survived)
	}
	return nil
}

// choose draws mutants, in the order of their places.
func (o options) choose(mutants []mutant) []mutant {
	var chosen []mutant
	for _, m := range mutants {
		if strings.Contains(m.name, o.only) {
			chosen = append(chosen, m)
		}
	}
	if o.draw == 0 || o.draw >= len(chosen) {
		return chosen
	}
	drawn := map[int]bool{}
	for _, i := range rand.New(rand.NewPCG(o.seed, 0)).Perm(len(chosen))[:o.draw] { //nolint:gosec // must be reproducible
		drawn[i] = true
	}
	var kept []mutant
	for i, m := range chosen {
		if drawn[i] {
			kept = append(kept, m)
		}
	}
	return kept
}

// excuses parses lines with a mutant's name, " :: " and the reason why no test can or need notice it.
func excuses(text string) (map[string]string, error) {
	reasons := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, found := strings.Cut(line, " :: ")
		if !found || strings.TrimSpace(reason) == "" || reasons[name] != "" {
			return nil, fmt.Errorf("survivors.txt: a line needs a name, ' :: ' and a reason, and a name may occur only once: %s", line)
		}
		reasons[name] = reason
	}
	return reasons, nil
}

// tally counts the results of mutants.
type tally struct{ made, noticed, excused, survived, invalid int }

func (t tally) plus(other tally) tally {
	return tally{t.made + other.made, t.noticed + other.noticed, t.excused + other.excused, t.survived + other.survived, t.invalid + other.invalid}
}

// String includes the percentage of noticed mutants among those that compile and make a difference.
func (t tally) String() string {
	return fmt.Sprintf("%d made, %d noticed (%.1f %%), %d excused, %d survived; %d do not compile",
		t.made, t.noticed, 100*float64(t.noticed)/float64(max(t.made-t.excused, 1)), t.excused, t.survived, t.invalid)
}

// try runs the package's tests with each mutant, several concurrently, because most packages' tests mainly wait.
func (o options) try(ctx context.Context, pkg string, mutants []mutant, reasons map[string]string) (tally, error) {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return tally{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	began := time.Now()
	if result, output := test(ctx, pkg, "", time.Hour); result != survived {
		return tally{}, fmt.Errorf("the tests of %s fail without a mutant:\n%s", pkg, output)
	}
	limit := max(20*time.Second, 5*time.Duration(o.parallel)*time.Since(began))
	var t tally
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(o.parallel)
	for i, m := range mutants {
		group.Go(func() error {
			overlay, err := m.overlay(filepath.Join(dir, strconv.Itoa(i)))
			if err != nil {
				return err
			}
			result, _ := test(ctx, pkg, overlay, limit)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			mu.Lock()
			defer mu.Unlock()
			t = t.with(m, result, reasons[m.name])
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return t, errors.Join(err, fmt.Errorf("interrupted after: %s", t))
	}
	return t, nil
}

// with adds the result of a mutant, and prints a mutant that survived without a reason.
func (t tally) with(m mutant, result result, reason string) tally {
	switch {
	case result == invalid:
		t.invalid++
		return t
	case result == noticed:
		t.noticed++
	case reason != "":
		t.excused++
	default:
		t.survived++
		fmt.Fprintln(os.Stdout, "survived:", m)
	}
	t.made++
	return t
}
