package adminapi

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// Sessions end, so that a client has new secrets for as long as it lives: it remembers so many, the latest ones.
func TestAClientRemembersSoManySecrets(t *testing.T) {
	r := new(redactor)
	lasting := secret.New("lasting-token")
	for i := range 3 * maxSent {
		r.add(lasting, secret.New(fmt.Sprintf("canary-%03d", i)), secret.Text{})
		if i == 0 && r.line("canary-000") != "[redacted]" {
			t.Error("the first one is shown")
		}
	}
	if len(r.sent) != maxSent {
		t.Errorf("it remembers %d", len(r.sent))
	}
	for text, shown := range map[string]bool{
		lasting.Reveal(): false, fmt.Sprintf("canary-%03d", 3*maxSent-1): false, "canary-000": true,
	} {
		if strings.Contains(r.line(text), text) != shown {
			t.Errorf("%s becomes %q", text, r.line(text))
		}
	}
}
