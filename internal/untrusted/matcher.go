package untrusted

import (
	"encoding/binary"
	"strings"
)

// matcher finds any of several values in a text in one pass, however many they are: they are compared only where the first bytes of
// one stand.
type matcher struct {
	// filter has a bit set for the hash of the first bytes of each value.
	filter [1 << hashBits / 64]uint64
	// values are by their first bytes.
	values map[uint32][]string
}

const hashBits = 10

// matcherOf takes values of at least [shortest] bytes.
func matcherOf(values []string) *matcher {
	m := &matcher{values: make(map[uint32][]string, len(values))}
	for _, value := range values {
		first := binary.LittleEndian.Uint32([]byte(value[:shortest]))
		m.filter[bit(first)/64] |= 1 << (bit(first) % 64)
		m.values[first] = append(m.values[first], value)
	}
	return m
}

// bit is the hash of four bytes (Knuth's multiplicative one).
func bit(four uint32) uint32 { return four * 2654435769 >> (32 - hashBits) }

// spans returns where the values stand in text. They may overlap.
func (m *matcher) spans(text string) []span {
	var found []span
	var four uint32
	for i := range len(text) {
		four = four>>8 | uint32(text[i])<<24
		if m.filter[bit(four)/64]&(1<<(bit(four)%64)) == 0 || i < shortest-1 {
			continue
		}
		start := i + 1 - shortest
		for _, value := range m.values[four] {
			if strings.HasPrefix(text[start:], value) {
				found = append(found, span{start, start + len(value)})
			}
		}
	}
	return found
}

// in reports whether any of the values stands in decoded.
func (m *matcher) in(decoded []byte) bool {
	var four uint32
	for i, b := range decoded {
		four = four>>8 | uint32(b)<<24
		if m.filter[bit(four)/64]&(1<<(bit(four)%64)) == 0 || i < shortest-1 {
			continue
		}
		for _, value := range m.values[four] {
			if rest := decoded[i+1-shortest:]; len(rest) >= len(value) && string(rest[:len(value)]) == value {
				return true
			}
		}
	}
	return false
}
