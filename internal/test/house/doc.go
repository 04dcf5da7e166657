// Package house holds the rules of this code base that a compiler does not: who imports whom, what the provider binary
// carries, and how large and how well described things are. It has tests only.
package house
