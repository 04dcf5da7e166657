package secret_test

import (
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

func TestTextHoldsItsValue(t *testing.T) {
	for _, value := range []string{"", " ", "a", "pässwörd", "two\nlines", "\x00\xff"} {
		text := secret.New(value)
		if got := text.Reveal(); got != value {
			t.Errorf("New(%q).Reveal() = %q", value, got)
		}
		if got, want := text.IsEmpty(), value == ""; got != want {
			t.Errorf("New(%q).IsEmpty() = %t", value, got)
		}
	}
}

func TestZeroTextIsEmpty(t *testing.T) {
	var zero secret.Text
	if zero.Reveal() != "" || !zero.IsEmpty() {
		t.Errorf("the zero Text reveals %q and IsEmpty() = %t", zero.Reveal(), zero.IsEmpty())
	}
	if got := zero.String(); got != redacted {
		t.Errorf("the zero Text prints %q, which reveals that it is empty", got)
	}
}

func TestEqual(t *testing.T) {
	var zero secret.Text
	tests := []struct {
		name string
		a, b secret.Text
		want bool
	}{
		{"SameValue", secret.New("abc"), secret.New("abc"), true},
		{"OtherValue", secret.New("abc"), secret.New("abd"), false},
		{"OtherCase", secret.New("abc"), secret.New("ABC"), false},
		{"Prefix", secret.New("abc"), secret.New("abcd"), false},
		{"EmptyAndFull", secret.New(""), secret.New("a"), false},
		{"ZeroAndFull", zero, secret.New("a"), false},
		{"ZeroAndEmpty", zero, secret.New(""), true},
		{"ZeroAndZero", zero, zero, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.a.Equal(tt.b); got != tt.want {
				t.Errorf("a.Equal(b) = %t, want %t", got, tt.want)
			}
			if got := tt.b.Equal(tt.a); got != tt.want {
				t.Errorf("b.Equal(a) = %t, want %t", got, tt.want)
			}
		})
	}
}

func TestCopyIsEqual(t *testing.T) {
	original := secret.New("abc")
	if copied := original; !copied.Equal(original) || copied.Reveal() != "abc" {
		t.Error("a copy differs from the original")
	}
}
