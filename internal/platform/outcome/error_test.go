package outcome_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/outcome"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func refused(status int, code string) *adminapi.Error {
	return &adminapi.Error{Kind: adminapi.Refused, Status: status, Code: code}
}

func inFront(status int) *adminapi.Error {
	return &adminapi.Error{Kind: adminapi.Refused, Status: status, Front: "a firewall"}
}

func login(err error) *adminapi.Error { return &adminapi.Error{Kind: adminapi.NotLoggedIn, Err: err} }

func TestError(t *testing.T) {
	codes := map[string]site.Kind{"taken": site.Stale, "slow_down": site.RateLimited}
	for _, tt := range []struct {
		name string
		err  error
		// read is the expected kind for a request that changes nothing, write for one that does.
		read, write site.Kind
	}{
		{"NoConnection", &adminapi.Error{Kind: adminapi.Unreachable}, site.Unreachable, site.Unreachable},
		{"NoTrust", &adminapi.Error{Kind: adminapi.Untrusted}, site.Unreachable, site.Unreachable},
		{"NoAnswer", &adminapi.Error{Kind: adminapi.NoAnswer}, site.Unreachable, site.NoAnswer},
		{"UnexpectedResponse", &adminapi.Error{Kind: adminapi.Malformed, Status: 200}, site.Unexpected, site.NoAnswer},
		{"Redirect", &adminapi.Error{Kind: adminapi.Redirected, Status: 307}, site.Unexpected, site.Unexpected},
		{"400", refused(400, ""), site.Unexpected, site.Unexpected},
		{"401", refused(401, ""), site.Unauthorized, site.Unauthorized},
		{"403", refused(403, ""), site.Unauthorized, site.Unauthorized},
		{"FirewallWith401", inFront(401), site.Blocked, site.Blocked},
		{"FirewallWith403", inFront(403), site.Blocked, site.Blocked},
		{"FirewallWith406", inFront(406), site.Blocked, site.Blocked},
		{"PageWith404", inFront(404), site.Unexpected, site.Unexpected},
		{"PageWith503", inFront(503), site.Unreachable, site.Unreachable},
		{"406", refused(406, ""), site.Unexpected, site.Unexpected},
		{"519", refused(519, ""), site.Unexpected, site.NoAnswer},
		{"520", refused(520, ""), site.Unreachable, site.NoAnswer},
		{"530", inFront(530), site.Unreachable, site.NoAnswer},
		{"531", refused(531, ""), site.Unexpected, site.NoAnswer},
		{"LoginBlocked", login(inFront(403)), site.Blocked, site.Blocked},
		{"LoginAtAPage", login(inFront(404)), site.Unexpected, site.Unexpected},
		{"404", refused(404, ""), site.Unexpected, site.Unexpected},
		{"412", refused(412, ""), site.Stale, site.Stale},
		{"429", refused(429, ""), site.RateLimited, site.RateLimited},
		{"500", refused(500, ""), site.Unexpected, site.NoAnswer},
		{"502", refused(502, ""), site.Unreachable, site.NoAnswer},
		{"503", refused(503, ""), site.Unreachable, site.Unreachable},
		{"504", refused(504, ""), site.Unreachable, site.NoAnswer},
		{"KnownCode", refused(409, "taken"), site.Stale, site.Stale},
		{"UnknownCode", refused(409, "other"), site.Unexpected, site.Unexpected},
		{"LoginRefused", login(refused(400, "")), site.Unauthorized, site.Unauthorized},
		{"LoginTooOften", login(refused(429, "")), site.RateLimited, site.RateLimited},
		{"LoginTooOftenByCode", login(refused(400, "slow_down")), site.RateLimited, site.RateLimited},
		{"LoginWithoutAnswer", login(&adminapi.Error{Kind: adminapi.NoAnswer}), site.Unreachable, site.Unreachable},
		{"LoginOfABrokenSite", login(refused(500, "")), site.Unexpected, site.Unexpected},
		{"LoginOfAnotherKind", login(errors.New("no token")), site.Unexpected, site.Unexpected},
		{"Wrapped", fmt.Errorf("read: %w", refused(401, "")), site.Unauthorized, site.Unauthorized},
		{"Foreign", errors.New("something else"), site.Unexpected, site.Unexpected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for noAnswer, want := range map[site.Kind]site.Kind{site.Unreachable: tt.read, site.NoAnswer: tt.write} {
				got := outcome.Error(tt.err, noAnswer, codes)
				if got.Kind != want || got.Message != tt.err.Error() || !errors.Is(got, tt.err) {
					t.Errorf("got %+v, want kind %q", got, want)
				}
			}
		})
	}
}
