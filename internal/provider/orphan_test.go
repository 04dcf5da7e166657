package provider

import (
	"testing"
	"time"
)

func TestR21WaitsForAnotherParent(t *testing.T) {
	ticks, parents := make(chan time.Time, 4), []int{7, 7, 1, 1}
	for range parents {
		ticks <- time.Time{}
	}
	waitForOther(7, func() int {
		parent := parents[0]
		parents = parents[1:]
		return parent
	}, ticks)
	if len(parents) != 1 || len(ticks) != 1 {
		t.Errorf("it did not stop at the first tick with another parent: %d and %d left", len(parents), len(ticks))
	}
}
