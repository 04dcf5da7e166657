package main

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRun measures two sites: every part of the program works, and the requests per site are as documented.
func TestRun(t *testing.T) {
	all := contenders
	t.Cleanup(func() { contenders = all })
	contenders = slices.DeleteFunc(slices.Clone(all), func(c contender) bool { return c.name == "curl" }) // not every machine has it
	var out bytes.Buffer
	b := &bench{out: &out, rounds: 1, latency: time.Millisecond, sending: time.Millisecond}
	t.Chdir("../../..")
	if err := b.run(context.WithoutCancel(t.Context()), "1,2", ""); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`plan create +smtp .* 1\.00 +1\.00`, `\bcreate +smtp .* 3\.00 +1\.00`, `no-op plan +smtp .* 1\.00 +1\.00`, `plan update +smtp .* 1\.00 +1\.00`,
		`\bupdate +smtp .* 2\.00 +1\.00`, `plan destroy +smtp .* 1\.00 +1\.00`, `\bdestroy +smtp .* 2\.00 +1\.00`,
		`floor .* 0\.00 +0\.00`, `terraform_data .* 0\.00 +0\.00`, `Start to handshake: [0-9.]+ ms, [0-9.]+ times the floor`,
		`with 2 sites, in times that with 1: plan create [0-9.]+,`, `Wall time of smtp in times of the full floor: plan create [0-9.]+ \(`,
		`2 sites whose state a server keeps, in times of the floor: create [0-9.]+ \([0-9.]+ to [0-9.]+\) of [0-9.]+m?s, update [0-9.]+ `,
		`2 sites that take 1ms for every answer`, `2 sites whose test messages take 1ms each`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
}

// TestResultsAreOfThisProgram compares the results in the guide with the columns that the program prints.
func TestResultsAreOfThisProgram(t *testing.T) {
	results, err := os.ReadFile("results.txt")
	if err != nil {
		t.Fatal(err)
	}
	samples := map[string][]map[string]sample{}
	for _, c := range contenders {
		samples[c.name] = []map[string]sample{{}}
	}
	var out bytes.Buffer
	printTable(&out, 1, samples)
	if now, then := headings(out.String()), headings(string(results)); !slices.Equal(now, then) {
		t.Errorf("the columns are %q, but the recorded results have %q: run make bench", now, then)
	}
}

// headings are the columns of the first table.
func headings(out string) []string {
	for line := range strings.Lines(out) {
		if strings.Contains(line, "of floor") && strings.Contains(line, "phase") {
			return strings.Fields(line)
		}
	}
	return nil
}
