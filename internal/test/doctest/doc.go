// Package doctest tests that the documents are true: what they show is run, what they name exists, and their links lead somewhere. It
// contains only tests.
package doctest
