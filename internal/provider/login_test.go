package provider_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/sitemail/terraform-provider-smtp/internal/provider"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// TestAccOneLoginForEachProcess: a site may count logins, so a process of the provider logs in once for all its requests. Right passwords
// are not counted at a site that follows the contract, so several applies in a row are not locked out.
func TestAccOneLoginForEachProcess(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	admin, err := tb.server.AddLogin(t.Context(), "only", "admin")
	if err != nil {
		t.Fatal(err)
	}
	var processes atomic.Int64
	configuration := fmt.Sprintf("provider \"smtp\" {\n  url = %q\n  username = \"admin\"\n  password = %q\n  test_recipient = %q\n}\n",
		tb.http.URL+"/only", admin.Reveal(), recipient)
	var steps []resource.TestStep
	for i := range 4 {
		steps = append(steps, resource.TestStep{Config: configuration + tb.resource(arguments{"from_name": hcl(fmt.Sprint("Shop ", i))})})
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			"smtp": func() (tfprotov6.ProviderServer, error) {
				processes.Add(1)
				return provider.NewServer(nil, "test")(), nil
			},
		},
		Steps: steps,
	})
	calls := tb.called()
	logins := len(slices.DeleteFunc(slices.Clone(calls), func(call string) bool { return call != "POST only /session" }))
	if logins == 0 || int64(logins) > processes.Load() || len(calls) < 2*logins {
		t.Errorf("got %d logins by %d processes for %d requests", logins, processes.Load(), len(calls))
	}
	t.Logf("got %d logins by %d processes for %d requests", logins, processes.Load(), len(calls))
}
