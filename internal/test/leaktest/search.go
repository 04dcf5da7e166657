package leaktest

import (
	"bytes"
	"compress/gzip"
	"math/rand/v2"
	"slices"
	"testing"
)

// Sink is a thing that a secret could have got into.
type Sink struct {
	Name string
	Data []byte
	// ByDesign names the secrets that may be in it.
	ByDesign []string
}

// unpacked returns the sinks, and what is packed in them as sinks of its own.
func unpacked(sinks []Sink) []Sink {
	all := slices.Clone(sinks)
	for _, sink := range sinks {
		unpack(sink.Data, func(_ int, how string, content []byte) {
			all = append(all, Sink{sink.Name + how, content, sink.ByDesign})
		})
	}
	return all
}

// Search reports the secrets that it finds in sinks, and returns how many bytes it looked through. In a copy of each sink
// it plants one secret in one form at a place that random decides, and reports it where the search misses that.
func (s *Scanner) Search(t testing.TB, random *rand.Rand, sinks []Sink) (searched int) {
	t.Helper()
	for _, sink := range unpacked(sinks) {
		if len(sink.Data) == 0 {
			t.Errorf("%s: there is nothing to search", sink.Name)
			continue
		}
		searched += len(sink.Data)
		scanner := s
		if len(sink.ByDesign) > 0 {
			scanner = s.without(sink.ByDesign)
		}
		data, planted, length := scanner.plant(random, sink.Data)
		missed := true
		for _, leak := range scanner.Find(data) {
			switch {
			case leak == planted:
				missed = false
			case leak.Offset < planted.Offset || leak.Offset >= planted.Offset+length:
				t.Errorf("%s: %s", sink.Name, leak)
			}
		}
		if missed {
			t.Errorf("%s: the search misses what was planted: %s", sink.Name, planted)
		}
	}
	return searched
}

// plant returns data with a leak somewhere in it, which leak, and how many bytes it takes.
func (s *Scanner) plant(random *rand.Rand, data []byte) (with []byte, planted Leak, length int) {
	n := s.needles[random.IntN(len(s.needles))]
	planted, text := Leak{n.secret, n.form, random.IntN(len(data) + 1)}, n.text
	if random.IntN(4) == 0 {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, _ = w.Write(slices.Concat([]byte("before "), text, []byte(" after")))
		_ = w.Close()
		planted.Form, text = planted.Form+" in gzip", packed.Bytes()
	}
	// On lines of its own: what stands before and behind it makes no other form of it.
	before, after := data[:planted.Offset], data[planted.Offset:]
	planted.Offset++
	return slices.Concat(before, []byte("\n"), text, []byte("\n"), after), planted, len(text)
}
