package site_test

import (
	"regexp"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func TestWriteID(t *testing.T) {
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for writer, want := range map[string]string{"ABCDEFG7": "ABCDEFG7", "": "", "not base32": "", "ABCDEFG7ABCDEFG7": ""} {
		id := site.NewWriteID(writer)
		if !uuid.MatchString(id) || site.WriterOf(id) != want {
			t.Errorf("writer %q: identifier %s of %q, want %q", writer, id, site.WriterOf(id), want)
		}
		if again := site.NewWriteID(writer); again == id {
			t.Errorf("writer %q: the identifier is not unique", writer)
		}
	}
	for _, id := range []string{"", "smtp", "0a6d2c9e-2f3b-4a66-8b51-1f0d6f1f5a10", "an identifier of another client"} {
		if got := site.WriterOf(id); got != "" {
			t.Errorf("%q: got writer %q, want none", id, got)
		}
	}
}
