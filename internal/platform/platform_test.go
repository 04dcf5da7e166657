package platform_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/platform"
)

func config(name string) platform.Config {
	return platform.Config{Platform: name, API: adminapi.Config{URL: "https://client-a.example", Limits: adminapi.DefaultLimits()}}
}

func TestEveryNameOpens(t *testing.T) {
	for _, name := range append(platform.Names(), "") {
		opened, err := platform.Open(adminapi.NewPool(adminapi.PoolOptions{}), config(name))
		if err != nil || opened == nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestUnknownPlatformListsThePlatforms(t *testing.T) {
	_, err := platform.Open(adminapi.NewPool(adminapi.PoolOptions{}), config("siteadmim"))
	e, ok := errors.AsType[*adminapi.ConfigError](err)
	if !ok || e.Attribute != "platform" || !strings.Contains(e.Message, strings.Join(platform.Names(), ", ")) {
		t.Errorf("got %v", err)
	}
}
