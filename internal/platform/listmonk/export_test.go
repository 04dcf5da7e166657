package listmonk

import (
	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// OpenWithoutPause is [Open] for a listmonk that does not restart.
func OpenWithoutPause(pool *adminapi.Pool, c adminapi.Config, account adminapi.Account) (site.Site, error) {
	return open(pool, c, account, 0)
}
