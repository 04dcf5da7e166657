package loopback_test

import (
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/loopback"
)

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost":         true,
		"LOCALHOST":         true,
		"localhost.":        true,
		"127.0.0.1":         true,
		"127.1.2.3":         true,
		"::1":               true,
		"::ffff:127.0.0.1":  true,
		"":                  false,
		".":                 false,
		"localhost..":       false,
		"mail.localhost":    false,
		"localhost.example": false,
		"127.0.0.1.example": false,
		"192.0.2.1":         false,
		"2001:db8::1":       false,
		"::ffff:192.0.2.1":  false,
		"0.0.0.0":           false,
		"smtp.example.com":  false,
	} {
		if got := loopback.Is(host); got != want {
			t.Errorf("%q: got %t", host, got)
		}
	}
}
