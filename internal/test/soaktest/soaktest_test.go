package soaktest

import (
	"slices"
	"testing"
)

func TestDraw(t *testing.T) {
	cases := make([]int, 105)
	for i := range cases {
		cases[i] = i
	}
	starred := func(i int) bool { return i < 5 }
	t.Run("SoakRunsAll", func(t *testing.T) {
		t.Setenv("SOAK", "all")
		if got := Draw(t, cases, starred); !slices.Equal(got, cases) || Count(300) != 300 {
			t.Errorf("got %d cases and Count %d, want all", len(got), Count(300))
		}
	})
	t.Run("OrdinaryRunDrawsATenthAndTheRequired", func(t *testing.T) {
		t.Setenv("SOAK", "")
		t.Setenv("SOAK_SEED", "1")
		first, again := Draw(t, cases, starred), Draw(t, cases, starred)
		if len(first) != 15 || !slices.Equal(first[:5], cases[:5]) || !slices.IsSorted(first) || !slices.Equal(first, again) {
			t.Errorf("got %v, then %v; want the same 15 in order, with the required ones", first, again)
		}
		t.Setenv("SOAK_SEED", "")
		if !slices.Equal(first, Draw(t, cases, starred)) {
			t.Error("two runs without a seed drew different cases")
		}
		t.Setenv("SOAK_SEED", "2")
		if slices.Equal(first, Draw(t, cases, starred)) {
			t.Error("a different seed drew the same cases")
		}
		if Count(1) != 1 || Count(300) != 30 || Count(25) != 3 {
			t.Error("Count does not round a tenth up")
		}
	})
}
