// Package doctest makes sure that the documents are true: what they show is run, what they name exists, and where they link
// there is something. It has tests only.
package doctest
