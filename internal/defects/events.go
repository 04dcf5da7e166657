package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// events is what go test tells of a run.
type events struct {
	passed, failed []string
	// build holds the compiler's words where something does not compile.
	build string
	// output is everything that tests and packages printed.
	output string
	// broken: a package failed.
	broken bool
}

// parse reads what go test -json prints (go doc test2json).
func parse(r io.Reader) (events, error) {
	var seen events
	for decoder := json.NewDecoder(r); ; {
		var e struct{ Action, Test, Output string }
		if err := decoder.Decode(&e); errors.Is(err, io.EOF) {
			return seen, nil
		} else if err != nil {
			return seen, fmt.Errorf("what go test prints: %w", err)
		}
		switch {
		case e.Action == "build-output":
			seen.build += e.Output
		case e.Action == "output":
			seen.output += e.Output
		case e.Action == "pass" && e.Test != "":
			seen.passed = append(seen.passed, e.Test)
		case e.Action == "fail" && e.Test != "":
			seen.failed = append(seen.failed, e.Test)
		case e.Action == "fail", e.Action == "build-fail":
			seen.broken = true
		}
	}
}

// noticed names the test that failed. It is an error when none did: that the code does not compile is no test's merit.
func (e events) noticed() (string, error) {
	switch {
	case len(e.failed) > 0:
		return e.innermost(), nil
	case e.build != "":
		return "", errors.New("it does not compile:\n" + e.build)
	case e.broken:
		return "", errors.New("the tests fail, and none by its name:\n" + e.output)
	case len(e.passed) == 0:
		return "", errors.New("there are no such tests")
	}
	return "", fmt.Errorf("%d tests pass", len(e.passed))
}

// innermost is the first of the failed tests that none of the other ones is part of.
func (e events) innermost() string {
	return e.failed[slices.IndexFunc(e.failed, func(name string) bool {
		return !slices.ContainsFunc(e.failed, func(other string) bool { return strings.HasPrefix(other, name+"/") })
	})]
}

// unbroken is an error unless there are tests and all of them pass.
func (e events) unbroken() error {
	if e.broken || len(e.failed) > 0 {
		return fmt.Errorf("tests fail: %s\n%s%s", strings.Join(e.failed, ", "), e.build, e.output)
	}
	if len(e.passed) == 0 {
		return errors.New("there are no such tests")
	}
	return nil
}
