package secret_test

import (
	"fmt"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/test/leaktest"
)

// value is the secret of every test here; redacted is what is to be seen instead.
const (
	value    = "c4nary-pa55wörd"
	redacted = "[redacted]"
)

var scanner = leaktest.New(map[string]string{"value": value})

// leaked says as what value can be read in text, "" when it cannot.
func leaked(text string) string {
	for _, leak := range scanner.Find([]byte(text)) {
		return leak.Form
	}
	return ""
}

func TestPlantedLeakIsFound(t *testing.T) {
	for _, format := range []string{"%v", "%s", "%+q", "%x", "%X", "% X"} {
		if text := fmt.Sprintf(format, value); leaked(text) == "" {
			t.Errorf("found no leak in %s, which is %s of the secret", text, format)
		}
	}
	for _, format := range []string{"%v", "%d", "%b", "%o"} {
		if text := fmt.Sprintf(format, []byte(value)); leaked(text) == "" {
			t.Errorf("found no leak in %s, which is %s of the secret's bytes", text, format)
		}
	}
}
