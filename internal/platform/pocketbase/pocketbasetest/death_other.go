//go:build !linux

package pocketbasetest

import "os/exec"

// endWithParent is for systems that have no such thing.
func endWithParent(*exec.Cmd) {}
