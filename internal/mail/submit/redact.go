package submit

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// redactor replaces a login's secrets, in every form in which they go over the wire, by "***".
type redactor struct{ replacer *strings.Replacer }

// newRedactor knows the password as such, as Go quotes it, and in base64, and in base64 also the username and the
// response of AUTH PLAIN; base64 with and without padding.
func newRedactor(username string, password secret.Text) redactor {
	quoted := strconv.Quote(password.Reveal())
	forms := []string{password.Reveal(), quoted[1 : len(quoted)-1]}
	for _, s := range []string{username, password.Reveal(), plainResponse(username, password)} {
		forms = append(forms, base64.StdEncoding.EncodeToString([]byte(s)), base64.RawStdEncoding.EncodeToString([]byte(s)))
	}
	// The longest first: a Replacer takes the first of those that match at one place.
	slices.SortFunc(forms, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var pairs []string
	for _, form := range forms {
		if form != "" && username != "" {
			pairs = append(pairs, form, "***")
		}
	}
	return redactor{strings.NewReplacer(pairs...)}
}

func (r redactor) redact(s string) string { return r.replacer.Replace(s) }
