package provider

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"golang.org/x/net/idna"
)

// parseDuration is for values that the duration validator accepted; null and unknown give 0.
func parseDuration(value types.String) time.Duration {
	d, _ := time.ParseDuration(value.ValueString())
	return d
}

func stringAttribute(object types.Object, name string) string {
	value, _ := object.Attributes()[name].(types.String)
	return value.ValueString()
}

func parseTimestamp(object types.Object, name string) time.Time {
	t, _ := time.Parse(time.RFC3339, stringAttribute(object, name))
	return t
}

// orNull is for values that a catalogue leaves empty where they do not apply.
func orNull(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

// portValue is null for the port of a site that was never configured.
func portValue(port int) types.Int64 {
	if port == 0 {
		return types.Int64Null()
	}
	return types.Int64Value(int64(port))
}

// names gives the values of an enumeration as strings.
func names[T ~string](values []T) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return list
}

// quotedList reads `"a", "b"`.
func quotedList(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = fmt.Sprintf("%q", v)
	}
	return strings.Join(quoted, ", ")
}

// sameHost reports whether two host names differ in spelling alone: letter case, a final dot, or Unicode against
// Punycode (RFC 5891 section 4).
func sameHost(a, b string) bool { return canonicalHost(a) == canonicalHost(b) }

func canonicalHost(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		return ascii
	}
	return host
}

// sameAddress is sameHost for the domains of addresses; the local parts are the business of their servers (RFC 5321
// section 2.4) and must be equal.
func sameAddress(a, b string) bool {
	i, j := strings.LastIndexByte(a, '@'), strings.LastIndexByte(b, '@')
	if i < 0 || j < 0 {
		return a == b
	}
	return a[:i] == b[:j] && sameHost(a[i+1:], b[j+1:])
}
