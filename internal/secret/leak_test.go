package secret_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// value is the secret of every test here; redacted is what is to be seen instead.
const (
	value    = "c4nary-pa55wörd"
	redacted = "[redacted]"
)

// encodings are the ways in which a printer or an encoder would show value.
func encodings() []string {
	raw := []byte(value)
	return []string{
		value,
		fmt.Sprintf("%+q", value),
		strings.Trim(fmt.Sprintf("%d", raw), "[]"),
		strings.Trim(fmt.Sprintf("%b", raw), "[]"),
		strings.Trim(fmt.Sprintf("%o", raw), "[]"),
		fmt.Sprintf("% x", value),
		hex.EncodeToString(raw),
		base64.StdEncoding.EncodeToString(raw),
		base64.RawURLEncoding.EncodeToString(raw),
	}
}

// leaked says as what value can be read in text, "" when it cannot.
func leaked(text string) string {
	for _, encoded := range encodings() {
		if strings.Contains(strings.ToLower(text), strings.ToLower(encoded)) {
			return encoded
		}
	}
	return ""
}

func TestPlantedLeakIsFound(t *testing.T) {
	for _, format := range []string{"%v", "%s", "%+q", "%x", "%X", "% X"} {
		if text := fmt.Sprintf(format, value); leaked(text) == "" {
			t.Errorf("nothing was noticed in %s, which is %s of the secret", text, format)
		}
	}
	for _, format := range []string{"%v", "%d", "%b", "%o"} {
		if text := fmt.Sprintf(format, []byte(value)); leaked(text) == "" {
			t.Errorf("nothing was noticed in %s, which is %s of the secret's bytes", text, format)
		}
	}
}
