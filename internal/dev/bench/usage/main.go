//go:build unix

// Command usage wraps a provider: it runs the real one, at its own path plus ".real", and then appends a line with its processor time
// and peak memory to the file named by BENCH_USAGE.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	err := run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "usage:", err)
		os.Exit(1)
	}
}

func run() error {
	// Ignore interrupts: the real provider receives them too, and decides when to end.
	signal.Ignore(os.Interrupt)
	provider := exec.CommandContext(context.Background(), os.Args[0]+".real", os.Args[1:]...)
	provider.Stdin, provider.Stdout, provider.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := provider.Run()
	if provider.ProcessState == nil {
		return err
	}
	rusage, ok := provider.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return errors.New("this system does not report a process's resource usage")
	}
	file, openErr := os.OpenFile(os.Getenv("BENCH_USAGE"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if openErr != nil {
		return openErr
	}
	cpu := provider.ProcessState.UserTime() + provider.ProcessState.SystemTime()
	// Maxrss is in KiB on Linux (getrusage(2)).
	_, writeErr := fmt.Fprintf(file, "%d %d\n", cpu/time.Microsecond, rusage.Maxrss)
	return errors.Join(err, writeErr, file.Close())
}
