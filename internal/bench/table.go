package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// printTable writes a line for each phase and contender: medians, the wall time also as a ratio to that of the floor, with
// the lowest and the highest of the rounds.
func printTable(w io.Writer, sites int, results map[string][]map[string]sample) {
	fmt.Fprintf(w, "\n%d sites\n", sites)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "phase\t\twall\tof floor\tlowest\thighest\tprovider CPU\tpeak memory\tstarts\tcalls a site\tconnections a site\t")
	for _, phase := range phases {
		for _, c := range contenders {
			median := func(of func(sample) float64) float64 { return middle(results[c.name], phase.name, of) }
			low, mid, high := ratios(results, c.name, phase.name)
			fmt.Fprintf(table, "%s\t%s\t%s\t%.2f\t%.2f\t%.2f\t%s\t%.0f MiB\t%.0f\t%.2f\t%.2f\t\n", phase.name, c.name,
				seconds(median(func(s sample) float64 { return s.Wall.Seconds() })), mid, low, high,
				seconds(median(func(s sample) float64 { return s.CPU.Seconds() })),
				median(func(s sample) float64 { return float64(s.PeakMemory) / (1 << 20) }),
				median(func(s sample) float64 { return float64(s.Starts) }),
				median(func(s sample) float64 { return float64(s.Calls) })/float64(sites),
				median(func(s sample) float64 { return float64(s.Connections) })/float64(sites))
		}
	}
	_ = table.Flush()
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(10 * time.Millisecond).String()
}

// middle is the median over the rounds.
func middle(rounds []map[string]sample, phase string, of func(sample) float64) float64 {
	values := make([]float64, len(rounds))
	for i, samples := range rounds {
		values[i] = of(samples[phase])
	}
	return median(values)
}

// ratios compares the wall time with that of the floor in the same round.
func ratios(results map[string][]map[string]sample, name, phase string) (lowest, mid, highest float64) {
	values := make([]float64, len(results[name]))
	for i, samples := range results[name] {
		values[i] = samples[phase].Wall.Seconds() / results["floor"][i][phase].Wall.Seconds()
	}
	return slices.Min(values), median(values), slices.Max(values)
}

func median(values []float64) float64 {
	slices.SortFunc(values, cmp.Compare)
	return values[len(values)/2]
}
