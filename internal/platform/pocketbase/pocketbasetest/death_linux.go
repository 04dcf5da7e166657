package pocketbasetest

import (
	"os/exec"
	"syscall"
)

// endWithParent has the process end with this one, also when this one is killed.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
