package soaktest

import (
	"slices"
	"testing"
)

func TestDraw(t *testing.T) {
	cells := make([]int, 105)
	for i := range cells {
		cells[i] = i
	}
	starred := func(i int) bool { return i < 5 }
	t.Run("AllInASoak", func(t *testing.T) {
		t.Setenv("SOAK", "all")
		if got := Draw(t, cells, starred); !slices.Equal(got, cells) || Count(300) != 300 {
			t.Errorf("%d cells, Count %d", len(got), Count(300))
		}
	})
	t.Run("ATenthAndWhatIsAlwaysDue", func(t *testing.T) {
		t.Setenv("SOAK", "")
		t.Setenv("SOAK_SEED", "1")
		first, again := Draw(t, cells, starred), Draw(t, cells, starred)
		if len(first) != 15 || !slices.Equal(first[:5], cells[:5]) || !slices.IsSorted(first) || !slices.Equal(first, again) {
			t.Errorf("drew %v, then %v", first, again)
		}
		t.Setenv("SOAK_SEED", "")
		if !slices.Equal(first, Draw(t, cells, starred)) {
			t.Error("without a seed, a run draws otherwise than the one before")
		}
		t.Setenv("SOAK_SEED", "2")
		if slices.Equal(first, Draw(t, cells, starred)) {
			t.Error("another seed drew the same")
		}
		if Count(1) != 1 || Count(300) != 30 || Count(25) != 3 {
			t.Error("a tenth is rounded up")
		}
	})
}
