// Package soaktest decides how much of a large test runs: everything in a soak (SOAK=all), else a tenth. The tenth is the same in every
// run, so that only a change to the code can make a test fail; SOAK_SEED selects a different one, and reproduces the draws of a soak.
package soaktest

import (
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
)

// T is the part of [testing.TB] that a draw needs, so that programs can draw too.
type T interface {
	Helper()
	Name() string
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// fixed is the default of SOAK_SEED.
const fixed = 1

// All reports whether everything runs.
func All() bool { return os.Getenv("SOAK") == "all" }

// Count returns n in a soak, else a tenth of it, rounded up.
func Count(n int) int {
	if All() {
		return n
	}
	return (n + 9) / 10
}

// Draw returns all cases in a soak. Otherwise it returns, in order, the cases for which always is true and a tenth of the others. always
// may be nil.
func Draw[C any](t T, cases []C, always func(C) bool) []C {
	t.Helper()
	if All() {
		return cases
	}
	var others []int
	drawn := make([]bool, len(cases))
	for i, c := range cases {
		drawn[i] = always != nil && always(c)
		if !drawn[i] {
			others = append(others, i)
		}
	}
	Random(t).Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	for _, i := range others[:Count(len(others))] {
		drawn[i] = true
	}
	var result []C
	for i, c := range cases {
		if drawn[i] {
			result = append(result, c)
		}
	}
	return result
}

// Random returns a random source that depends on the seed and the name of t, and logs the seed.
func Random(t T) *rand.Rand {
	t.Helper()
	seed := Seed(t)
	t.Logf("SOAK_SEED=%d", seed)
	name := fnv.New64a()
	_, _ = name.Write([]byte(t.Name()))
	return rand.New(rand.NewPCG(seed, name.Sum64()))
}

// Seed returns SOAK_SEED or, if it is not set, a fixed number.
func Seed(t T) uint64 {
	t.Helper()
	text := os.Getenv("SOAK_SEED")
	if text == "" {
		return fixed
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("SOAK_SEED: %v", err)
	}
	return seed
}
