package secret_test

import (
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

func TestJoin(t *testing.T) {
	for name, c := range map[string]struct{ first, second string }{
		"Both": {"refresh token", "client secret"}, "WithoutSecond": {"refresh token", ""}, "Nothing": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			first, second := secret.Join(secret.New(c.first), secret.New(c.second)).Split()
			if first.Reveal() != c.first || second.Reveal() != c.second {
				t.Errorf("got %q and %q", first.Reveal(), second.Reveal())
			}
		})
	}
	if secret.Join(secret.New("ab"), secret.New("c")).Equal(secret.Join(secret.New("a"), secret.New("bc"))) {
		t.Error("joining does not separate the two parts")
	}
	if plain := secret.Join(secret.New("a"), secret.Text{}); !plain.Equal(secret.New("a")) {
		t.Error("joining one secret changes it")
	}
}
