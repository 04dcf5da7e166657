// Package leaktest finds secrets in whatever a run leaves behind: plain, in some forty encodings, and in what is packed.
// It plants a leak in each thing that it searches, so that a search which finds nothing else means something.
package leaktest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
)

// shortest is how many bytes a secret must have: half of a shorter one is found by chance.
const shortest = 14

// Scanner finds the secrets that it was made for.
type Scanner struct {
	needles []needle
	// begins says which first two bytes some needle has, and by4 which needles have these first four.
	begins [1 << 16]bool
	by4    map[[4]byte][]needle
}

// needle is one form of one secret.
type needle struct {
	secret, form string
	text         []byte
}

// Leak is a secret that shows.
type Leak struct {
	// Secret is its name, Form how it is encoded, Offset where it is, in bytes.
	Secret, Form string
	Offset       int
}

// String says it in one line, without the secret.
func (l Leak) String() string { return fmt.Sprintf("%s as %s at %d", l.Secret, l.Form, l.Offset) }

// New returns a scanner for secrets, by name. It panics when one is too short to be searched for.
func New(secrets map[string]string) *Scanner {
	s := &Scanner{by4: map[[4]byte][]needle{}}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		if len(secrets[name]) < shortest {
			panic(name + " is too short to be searched for")
		}
		seen := map[string]bool{}
		for _, f := range forms(secrets[name]) {
			if !seen[f.text] {
				seen[f.text] = true
				s.add(needle{name, f.name, []byte(f.text)})
			}
		}
	}
	return s
}

func (s *Scanner) add(n needle) {
	s.needles = append(s.needles, n)
	s.begins[pair(n.text)] = true
	first := [4]byte(n.text)
	s.by4[first] = append(s.by4[first], n)
}

func pair(data []byte) int { return int(data[0]) | int(data[1])<<8 }

// without returns a scanner that leaves some secrets out.
func (s *Scanner) without(names []string) *Scanner {
	rest := &Scanner{by4: map[[4]byte][]needle{}}
	for _, n := range s.needles {
		if !slices.Contains(names, n.secret) {
			rest.add(n)
		}
	}
	return rest
}

// Find returns every leak in data, and in what is packed in it.
func (s *Scanner) Find(data []byte) []Leak {
	leaks := s.find(data)
	unpack(data, func(offset int, how string, content []byte) {
		for _, l := range s.find(content) {
			leaks = append(leaks, Leak{l.Secret, l.Form + how, offset})
		}
	})
	return leaks
}

func (s *Scanner) find(data []byte) []Leak {
	var leaks []Leak
	for i := 0; i+4 <= len(data); i++ {
		if !s.begins[pair(data[i:])] {
			continue
		}
		for _, n := range s.by4[[4]byte(data[i:])] {
			if bytes.HasPrefix(data[i:], n.text) {
				leaks = append(leaks, Leak{n.secret, n.form, i})
			}
		}
	}
	return leaks
}
