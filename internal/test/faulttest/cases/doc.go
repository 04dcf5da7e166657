// Package cases tests every fault of the catalogue: provider, reference site and mail server, all real, with one fault between two of
// them.
package cases
