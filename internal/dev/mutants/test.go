package main

import (
	"context"
	"os/exec"
	"strings"
	"time"
)

// result is the result of a mutant.
type result int

const (
	// noticed: a test failed or timed out.
	noticed result = iota
	// survived: all tests passed.
	survived
	// invalid: the change does not compile.
	invalid
)

// test runs the tests of a package with an overlay, unless that is empty.
func test(ctx context.Context, pkg, overlay string, limit time.Duration) (result, string) {
	args := []string{"test", "-vet=off", "-failfast", "-count=1", "-timeout=" + limit.String()}
	if overlay != "" {
		args = append(args, "-overlay="+overlay)
	}
	output, err := exec.CommandContext(ctx, "go", append(args, pkg)...).CombinedOutput()
	text := string(output)
	switch {
	case err == nil:
		return survived, text
	case strings.Contains(text, "[build failed]"), strings.Contains(text, "[setup failed]"):
		return invalid, text
	}
	return noticed, text
}
