package leaktest

import (
	"bytes"
	"compress/gzip"
	"math/rand/v2"
	"slices"
	"testing"
)

// Sink is data that could contain a secret.
type Sink struct {
	Name string
	Data []byte
	// ByDesign names the secrets that it may contain.
	ByDesign []string
}

// unpacked returns the sinks, and their compressed parts as further sinks.
func unpacked(sinks []Sink) []Sink {
	all := slices.Clone(sinks)
	for _, sink := range sinks {
		unpack(sink.Data, func(_ int, how string, content []byte) {
			all = append(all, Sink{sink.Name + how, content, sink.ByDesign})
		})
	}
	return all
}

// Search reports the secrets that it finds in sinks, and returns how many bytes it searched. In a copy of each sink it plants a random
// form of a random secret at a random position, and reports an error if the search misses it.
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

// plant returns data with a planted leak, the leak, and its length in bytes.
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
	// On a line of its own, so that its neighbours do not turn it into another form.
	before, after := data[:planted.Offset], data[planted.Offset:]
	planted.Offset++
	return slices.Concat(before, []byte("\n"), text, []byte("\n"), after), planted, len(text)
}
