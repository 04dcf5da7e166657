// Package leaktest finds secrets in whatever a run leaves behind: in plain text, in some forty encodings, and compressed. It plants a
// leak in everything that it searches, to prove that the search would have found one.
package leaktest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
)

// shortest is the minimum length of a secret in bytes: half of a shorter one could occur by chance.
const shortest = 14

// Scanner finds the secrets that it was created for.
type Scanner struct {
	needles []needle
	// begins marks the first two bytes of all needles; by4 maps the first four bytes to the needles.
	begins [1 << 16]bool
	by4    map[[4]byte][]needle
}

// needle is one form of one secret.
type needle struct {
	secret, form string
	text         []byte
}

// Leak is a secret that was found.
type Leak struct {
	// Secret is its name, Form its encoding, and Offset its position in bytes.
	Secret, Form string
	Offset       int
}

// String describes the leak in one line, without the secret.
func (l Leak) String() string { return fmt.Sprintf("%s as %s at %d", l.Secret, l.Form, l.Offset) }

// New returns a scanner for secrets, by name. It panics if a secret is too short to be searched for.
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

// without returns a scanner without the named secrets.
func (s *Scanner) without(names []string) *Scanner {
	rest := &Scanner{by4: map[[4]byte][]needle{}}
	for _, n := range s.needles {
		if !slices.Contains(names, n.secret) {
			rest.add(n)
		}
	}
	return rest
}

// Find returns every leak in data, including compressed parts.
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
