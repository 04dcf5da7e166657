package provider

import (
	"os"
	"time"
)

// endOrphaned ends this process some time after Terraform, which started it, was killed and so has not stopped it. Calls
// end with Terraform, save those that switch untested mail off: they get their time, which is a minute.
func endOrphaned() {
	waitForOther(os.Getppid(), os.Getppid, time.Tick(time.Second))
	time.AfterFunc(2*time.Minute, func() { os.Exit(1) })
}

// waitForOther returns at the first tick at which the parent is another. On Windows it never is.
func waitForOther(parent int, now func() int, ticks <-chan time.Time) {
	for range ticks {
		if now() != parent {
			return
		}
	}
}
