package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

func wallSeconds(s sample) float64   { return s.Wall.Seconds() }
func allSeconds(s sample) float64    { return s.AllCPU.Seconds() }
func cpuSeconds(s sample) float64    { return s.CPU.Seconds() }
func peakMebibytes(s sample) float64 { return float64(s.PeakMemory) / (1 << 20) }

// printTable writes a line for each phase and contender, with medians. Wall time, processor time and memory are also given as ratios to
// those of the floor in the same round; for wall time, with the lowest and the highest ratio. A last line compares the wall time of our
// provider with that of the full floor.
func printTable(w io.Writer, sites int, results map[string][]map[string]sample) {
	fmt.Fprintf(w, "\n%d sites\n", sites)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "phase\t\twall\tof floor\tlowest\thighest\tCPU\tof floor\tprovider CPU\tof floor\tpeak memory\tof floor\tstarts\tcalls a site\tconnections a site\t")
	for _, p := range phases {
		for _, c := range contenders {
			of := func(value func(sample) float64) float64 { return middle(results[c.name], p.name, value) }
			wall := ratios(results, c.name, "floor", p.name, wallSeconds)
			fmt.Fprintf(table, "%s\t%s\t%s\t%.2f\t%.2f\t%.2f\t%s\t%.2f\t", p.name, c.name, seconds(of(wallSeconds)), median(wall), slices.Min(wall), slices.Max(wall),
				seconds(of(allSeconds)), median(ratios(results, c.name, "floor", p.name, allSeconds)))
			if c.command == "" {
				fmt.Fprint(table, "\t\t\t\t\t")
			} else {
				fmt.Fprintf(table, "%s\t%.2f\t%.0f MiB\t%.2f\t%.0f\t", seconds(of(cpuSeconds)), median(ratios(results, c.name, "floor", p.name, cpuSeconds)),
					of(peakMebibytes), median(ratios(results, c.name, "floor", p.name, peakMebibytes)), of(func(s sample) float64 { return float64(s.Starts) }))
			}
			fmt.Fprintf(table, "%.2f\t%.2f\t\n", of(func(s sample) float64 { return float64(s.Calls) })/float64(sites),
				of(func(s sample) float64 { return float64(s.Connections) })/float64(sites))
		}
	}
	_ = table.Flush()
	if len(results["full floor"]) == 0 {
		return
	}
	var times []string
	for _, p := range phases {
		times = append(times, p.name+" "+spread(ratios(results, "smtp", "full floor", p.name, wallSeconds)))
	}
	fmt.Fprintf(w, "\nWall time of smtp in times of the full floor: %s\n", strings.Join(times, ", "))
}

// printGrowth prints how our provider's processor time grows between the two largest numbers of sites.
func (b *bench) printGrowth(cpu map[string][]float64) {
	if len(b.sizes) < 2 {
		return
	}
	last := len(b.sizes) - 1
	fmt.Fprintf(b.out, "\nProcessor time of the provider with %d sites, in times that with %d:", b.sizes[last], b.sizes[last-1])
	for _, p := range phases {
		fmt.Fprintf(b.out, " %s %.1f", p.name, cpu[p.name][last]/cpu[p.name][last-1])
		if p.name != phases[len(phases)-1].name {
			fmt.Fprint(b.out, ",")
		}
	}
	fmt.Fprintln(b.out)
}

// spread formats the median of values, with the lowest and the highest.
func spread(values []float64) string {
	return fmt.Sprintf("%.2f (%.2f to %.2f)", median(values), slices.Min(values), slices.Max(values))
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(10 * time.Millisecond).String()
}

// middle returns the median over the rounds.
func middle(rounds []map[string]sample, phase string, of func(sample) float64) float64 {
	values := make([]float64, len(rounds))
	for i, samples := range rounds {
		values[i] = of(samples[phase])
	}
	return median(values)
}

// ratios returns, for each round, the ratio of a contender's value to that of another.
func ratios(results map[string][]map[string]sample, name, other, phase string, of func(sample) float64) []float64 {
	values := make([]float64, len(results[name]))
	for i, samples := range results[name] {
		values[i] = of(samples[phase]) / of(results[other][i][phase])
	}
	return values
}

// median does not change values.
func median(values []float64) float64 {
	return slices.SortedFunc(slices.Values(values), cmp.Compare)[len(values)/2]
}
