package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// events are the events of a run of go test.
type events struct {
	passed, failed []string
	// running are tests that have begun but not ended.
	running []string
	// build is the compiler's output, if something does not compile.
	build string
	// output is everything that tests and packages printed.
	output string
	// broken is true if a package failed.
	broken bool
}

// parse parses the output of go test -json (go doc test2json).
func parse(r io.Reader) (events, error) {
	var seen events
	for decoder := json.NewDecoder(r); ; {
		var e struct{ Action, Test, Output string }
		if err := decoder.Decode(&e); errors.Is(err, io.EOF) {
			return seen, nil
		} else if err != nil {
			return seen, fmt.Errorf("parse the output of go test: %w", err)
		}
		switch {
		case e.Action == "run":
			seen.running = append(seen.running, e.Test)
		case e.Action == "build-output":
			seen.build += e.Output
		case e.Action == "output":
			seen.output += e.Output
		case e.Action == "pass" && e.Test != "":
			seen.end(e.Test)
			seen.passed = append(seen.passed, e.Test)
		case e.Action == "fail" && e.Test != "":
			seen.end(e.Test)
			seen.failed = append(seen.failed, e.Test)
		case e.Action == "skip" && e.Test != "":
			seen.end(e.Test)
		case e.Action == "fail", e.Action == "build-fail":
			seen.broken = true
		}
	}
}

func (e *events) end(test string) {
	e.running = slices.DeleteFunc(e.running, func(name string) bool { return name == test })
}

// noticed returns the name of the test that failed, or an error if none did: code that does not compile was not noticed by a test. A
// panic in a bubble (testing/synctest) ends the process before the test is reported as failed, so running tests count.
func (e *events) noticed() (string, error) {
	switch {
	case len(e.failed) > 0:
		return innermost(e.failed), nil
	case e.broken && len(e.running) > 0:
		return innermost(e.running), nil
	case e.build != "":
		return "", errors.New("it does not compile:\n" + e.build)
	case e.broken:
		return "", errors.New("the package fails, but no test does:\n" + e.output)
	case len(e.passed) == 0:
		return "", errors.New("there are no such tests")
	}
	return "", fmt.Errorf("%d tests pass", len(e.passed))
}

// innermost returns the first test that has no subtest among the tests.
func innermost(tests []string) string {
	return tests[slices.IndexFunc(tests, func(name string) bool {
		return !slices.ContainsFunc(tests, func(other string) bool { return strings.HasPrefix(other, name+"/") })
	})]
}

// unbroken returns an error unless there are tests and all of them pass.
func (e *events) unbroken() error {
	if e.broken || len(e.failed) > 0 {
		return fmt.Errorf("tests fail: %s\n%s%s", strings.Join(e.failed, ", "), e.build, e.output)
	}
	if len(e.passed) == 0 {
		return errors.New("there are no such tests")
	}
	return nil
}
