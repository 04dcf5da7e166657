package pocketbasetest

import (
	"os/exec"
	"syscall"
)

// endWithParent makes the process end together with this one, even if this one is killed.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
