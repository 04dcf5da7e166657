// Package siteadmin is the client's end of the site admin contract, which openapi.yaml beside this file states.
package siteadmin

import (
	"errors"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Open returns the site at c.URL; it calls nothing. The error is an *[adminapi.ConfigError].
func Open(pool *adminapi.Pool, c adminapi.Config, account adminapi.Account) (site.Site, error) {
	return nil, errors.ErrUnsupported
}
