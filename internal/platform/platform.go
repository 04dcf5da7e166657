// Package platform opens a site by the name of its platform: the software that runs it.
package platform

import (
	"fmt"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/listmonk"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/pocketbase"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/siteadmin"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// The platforms. SiteAdmin, the default, is for every site that implements the site admin contract. WordPress implements it with a
// plugin.
const (
	SiteAdmin  = "siteadmin"
	WordPress  = "wordpress"
	PocketBase = "pocketbase"
	Listmonk   = "listmonk"
)

// Names lists the platforms, the default first.
func Names() []string { return []string{SiteAdmin, WordPress, PocketBase, Listmonk} }

// Config describes one site.
type Config struct {
	// Platform is one of [Names]; empty stands for the first.
	Platform string
	// API describes the site's admin API. Its Credentials must be nil, because the platform derives them from Account.
	API     adminapi.Config
	Account adminapi.Account
}

// Open returns the site that c describes. It sends no request. The error is an *[adminapi.ConfigError].
func Open(pool *adminapi.Pool, c Config) (site.Site, error) {
	switch c.Platform {
	case SiteAdmin, "":
		return siteadmin.Open(pool, c.API, c.Account)
	case WordPress:
		return siteadmin.OpenWordPress(pool, c.API, c.Account)
	case PocketBase:
		return pocketbase.Open(pool, c.API, c.Account)
	case Listmonk:
		return listmonk.Open(pool, c.API, c.Account)
	default:
		return nil, &adminapi.ConfigError{
			Attribute: "platform",
			Message:   fmt.Sprintf("%q is not a platform; choose one of %s", c.Platform, strings.Join(Names(), ", ")),
		}
	}
}
