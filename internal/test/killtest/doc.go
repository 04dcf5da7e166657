// Package killtest kills the site, the provider and Terraform, each a real process, at every point between two calls, and
// interrupts Terraform there; then it looks at what is left, and applies again. It has tests only.
package killtest
