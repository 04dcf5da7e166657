// Package house tests the rules of this code base that neither the compiler nor a linter checks: what the provider binary contains, in
// which type secrets travel, which tests cover the promises of SECURITY.md, and what CONTRIBUTING.md omits. It contains only tests.
package house
