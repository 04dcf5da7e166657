package siteadmin

import _ "embed"

//go:embed openapi.yaml
var contract string

// Contract returns openapi.yaml, which defines the contract.
func Contract() []byte { return []byte(contract) }
