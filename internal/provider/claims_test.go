package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

func TestSpellingsOfOneAddressAreOneSite(t *testing.T) {
	all := claims{}
	want := all.of(types.StringValue("https://site.example/a"))
	for address, same := range map[string]bool{
		"https://site.example:443/a": true, "HTTPS://Site.example/a/": true,
		"https://site.example:8443/a": false, "https://site.example/A": false, "https://site.example": false,
	} {
		if got := all.of(types.StringValue(address)) == want; got != same {
			t.Errorf("%s: the same site: %t", address, got)
		}
	}
	if all.of(types.StringUnknown()) == all.of(types.StringUnknown()) {
		t.Error("addresses that are not known yet are one site")
	}
}
