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
	t.Run("AllInASoak", func(t *testing.T) {
		t.Setenv("SOAK", "all")
		if got := Draw(t, cases, starred); !slices.Equal(got, cases) || Count(300) != 300 {
			t.Errorf("%d cases, Count %d", len(got), Count(300))
		}
	})
	t.Run("ATenthAndWhatIsAlwaysDue", func(t *testing.T) {
		t.Setenv("SOAK", "")
		t.Setenv("SOAK_SEED", "1")
		first, again := Draw(t, cases, starred), Draw(t, cases, starred)
		if len(first) != 15 || !slices.Equal(first[:5], cases[:5]) || !slices.IsSorted(first) || !slices.Equal(first, again) {
			t.Errorf("drew %v, then %v", first, again)
		}
		t.Setenv("SOAK_SEED", "")
		if !slices.Equal(first, Draw(t, cases, starred)) {
			t.Error("without a seed, a run draws otherwise than the one before")
		}
		t.Setenv("SOAK_SEED", "2")
		if slices.Equal(first, Draw(t, cases, starred)) {
			t.Error("another seed drew the same")
		}
		if Count(1) != 1 || Count(300) != 30 || Count(25) != 3 {
			t.Error("a tenth is rounded up")
		}
	})
}
