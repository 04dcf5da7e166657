// Package house holds the rules of this code base that neither a compiler nor a linter knows: what the provider binary carries,
// in which type a secret travels, which tests hold the promises of SECURITY.md, and what CONTRIBUTING.md leaves out. It has
// tests only.
package house
