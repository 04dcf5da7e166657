// Package killtest kills the site, the provider and Terraform, each a real process, between any two requests, and interrupts Terraform
// there. It then checks what is left, and applies again. It contains only tests.
package killtest
