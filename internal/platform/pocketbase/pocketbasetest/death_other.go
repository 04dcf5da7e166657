//go:build !linux

package pocketbasetest

import "os/exec"

// endWithParent does nothing on systems without Pdeathsig.
func endWithParent(*exec.Cmd) {}
