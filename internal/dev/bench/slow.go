package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
)

// parallelism is the CLI's default parallelism.
const parallelism = 10

// ours is the contender to be measured: this provider.
func ours() contender { return contenders[0] }

// oursAndFloor returns the two contenders whose ratio matters.
func oursAndFloor() []contender {
	return slices.DeleteFunc(slices.Clone(contenders), func(c contender) bool { return c.name != ours().name && c.name != "floor" })
}

// slowSites compares a plan without changes for slow sites with the same plan for fast sites.
func (b *bench) slowSites(ctx context.Context) error {
	if b.latency == 0 {
		return nil
	}
	n := b.sizes[len(b.sizes)-1]
	m, err := b.begin(ctx, ours(), n)
	defer m.end()
	if err != nil {
		return err
	}
	for _, p := range phases[:2] {
		if _, err := m.run(ctx, p); err != nil {
			return err
		}
	}
	var fast, slow, ratio []float64
	for range b.rounds {
		m.latency.Store(0)
		f, err := m.run(ctx, noop)
		if err != nil {
			return err
		}
		m.latency.Store(int64(b.latency))
		s, err := m.run(ctx, noop)
		if err != nil {
			return err
		}
		fast, slow = append(fast, f.Wall.Seconds()), append(slow, s.Wall.Seconds())
		ratio = append(ratio, s.Wall.Seconds()/f.Wall.Seconds())
	}
	without := strings.Replace(m.config, "provider \"smtp\" {", "provider \"smtp\" {\n  read_ahead = false", 1)
	if err := m.workspace.Init(ctx, without); err != nil {
		return err
	}
	off, err := m.run(ctx, noop)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "\n%d sites that take %s for every answer: no-op plan %s, %s times the %s of sites that answer at once; "+
		"with read_ahead = false %s\n", n, b.latency, seconds(median(slow)), spread(ratio), seconds(median(fast)), off.Wall.Round(10*time.Millisecond))
	return nil
}

// slowServer compares creating sites whose test messages are slow with the lower bound: the time of the tests at the CLI's parallelism,
// plus the floor.
func (b *bench) slowServer(ctx context.Context) error {
	if b.sending == 0 {
		return nil
	}
	n := min(200, b.sizes[len(b.sizes)-1])
	bound := b.sending * time.Duration(n) / parallelism
	var ratio []float64
	for range b.rounds {
		took := map[string]time.Duration{}
		for _, c := range oursAndFloor() {
			wall, err := b.createSlowly(ctx, c, n)
			if err != nil {
				return err
			}
			took[c.name] = wall
		}
		ratio = append(ratio, float64(took["smtp"])/float64(bound+took["floor"]))
	}
	fmt.Fprintf(b.out, "\n%d sites whose test messages take %s each, %d at a time: created in %s times %s and the floor\n",
		n, b.sending, parallelism, spread(ratio), bound)
	return nil
}

func (b *bench) createSlowly(ctx context.Context, c contender, n int) (time.Duration, error) {
	m, err := b.begin(ctx, c, n)
	defer m.end()
	if err != nil {
		return 0, err
	}
	if _, err := m.run(ctx, phases[0]); err != nil {
		return 0, err
	}
	m.sending.Store(int64(b.sending))
	s, err := m.run(ctx, phases[1])
	return s.Wall, err
}

// machine describes the machine and the versions that were measured.
func (b *bench) machine() string {
	return fmt.Sprintf("%s on %s/%s with %d processors, built with %s; medians of %d rounds", b.cli, runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), b.rounds)
}
