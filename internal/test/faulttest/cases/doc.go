// Package cases holds the tests of the fault catalogue: provider, reference site and submission server, all real, with
// one fault between two of them.
package cases
