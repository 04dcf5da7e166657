package provider

import (
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
)

// Entries with the same address or the same ID are one site; entries of which neither is known are separate sites.
func TestClaimsOfOneSite(t *testing.T) {
	var all claims
	first := all.of("https://client.example/", "s1")
	for _, same := range [][2]string{{"https://client.example/", "s1"}, {"https://client.example/", ""}, {"https://other.example/", "s1"}, {"https://other.example/", ""}} {
		if all.of(same[0], same[1]) != first {
			t.Errorf("%q counts as another site", same)
		}
	}
	for _, other := range [][2]string{{"https://third.example/", ""}, {"https://fourth.example/", "s2"}, {"", ""}} {
		if all.of(other[0], other[1]) == first {
			t.Errorf("%q counts as the same site", other)
		}
	}
	if one, other := all.of("", ""), all.of("", ""); one == other {
		t.Error("two unknown addresses count as one site")
	}
}

func TestSpellingsOfOneAddressAreOneSite(t *testing.T) {
	var all claims
	at := func(url string) *claim {
		address, err := adminapi.Address(url)
		if err != nil {
			t.Fatal(err)
		}
		return all.of(address, "")
	}
	want := at("https://site.example/a")
	for address, same := range map[string]bool{
		"https://site.example:443/a": true, "HTTPS://Site.example/a/": true,
		"https://site.example:8443/a": false, "https://site.example/A": false, "https://site.example": false,
	} {
		if got := at(address) == want; got != same {
			t.Errorf("%s: got same site %t", address, got)
		}
	}
}

func TestNearKeys(t *testing.T) {
	s := &sites{entries: map[string]*entry{"a": nil, "b": nil, "client-a": nil}}
	for key, want := range map[string]string{"c": "", "": "", "client-b": ` Did you mean "client-a"?`, "Client-A": ` Did you mean "client-a"?`, "elsewhere": ""} {
		if got := s.near(key); got != want {
			t.Errorf("near %q: %q, want %q", key, got, want)
		}
	}
}
