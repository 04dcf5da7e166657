package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/sitemail/terraform-provider-smtp/internal/platform/siteadmin"
	"github.com/sitemail/terraform-provider-smtp/internal/site/sitetest"
)

// report prints a line for each check, and counts them.
type report struct {
	out  io.Writer
	tap  *tap
	only *regexp.Regexp

	checks, failed int
}

// check runs one check, which belongs to an operation of the contract. It also fails if the tap noted anything in the meantime.
func (r *report) check(ctx context.Context, name, operation string, run func(t sitetest.T)) {
	if ctx.Err() != nil || !r.only.MatchString(name) {
		return
	}
	t := &trial{ctx: ctx}
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(t)
	}()
	<-done
	if ctx.Err() != nil {
		// The check was interrupted, so its failure says nothing about the site.
		return
	}
	reasons := slices.Concat(t.reasons, r.tap.noted())
	verdict := "PASS"
	r.checks++
	if len(reasons) > 0 {
		verdict = "FAIL"
		r.failed++
	}
	fmt.Fprintf(r.out, "%s  %-55s  %s\n", verdict, name, where(operation))
	for _, reason := range reasons {
		fmt.Fprintf(r.out, "      %s\n", strings.ReplaceAll(strings.TrimSpace(reason), "\n", "\n      "))
	}
}

// where returns the line of openapi.yaml on which an operation begins.
func where(operation string) string {
	before, _, found := bytes.Cut(siteadmin.Contract(), []byte("operationId: "+operation+"\n"))
	if !found {
		panic("no operation " + operation)
	}
	return fmt.Sprintf("openapi.yaml:%d %s", bytes.Count(before, []byte("\n"))+1, operation)
}

// trial is the [sitetest.T] of one check. Checks may report from several goroutines.
type trial struct {
	ctx context.Context

	mu      sync.Mutex
	reasons []string
}

// Helper implements [sitetest.T].
func (t *trial) Helper() {}

// Context implements [sitetest.T].
func (t *trial) Context() context.Context { return t.ctx }

// Errorf implements [sitetest.T].
func (t *trial) Errorf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reasons = append(t.reasons, fmt.Sprintf(format, args...))
}

// Fatalf implements [sitetest.T].
func (t *trial) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	runtime.Goexit()
}

// lines makes a writer safe for concurrent use. Each write must be a whole line.
type lines struct {
	mu  sync.Mutex
	out io.Writer
}

// Write implements [io.Writer].
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(b)
}
