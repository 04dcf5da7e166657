package provider_test

import (
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/sitemail/terraform-provider-smtp/internal/provider"
)

// FuzzState reads whatever a state file may hold for a resource. What is taken has the schema's type, and a plan, which
// decodes it, does not panic.
func FuzzState(f *testing.F) {
	recorded, err := os.ReadFile("testdata/state_v0.json")
	if err != nil {
		f.Fatal(err)
	}
	text := string(recorded)
	for _, seed := range []string{
		text, "", "null", "{}", "[]", `{"unknown":1}`, strings.Replace(text, "587", "1e400", 1), strings.Replace(text, "587", `"587"`, 1),
		strings.Replace(text, `"starttls"`, "null", 1), strings.Replace(text, `{ "recipient"`, `[{ "recipient"`, 1), text[:len(text)/2],
		strings.Replace(text, `"10m"`, `"forever"`, 1), strings.Replace(text, `"2026-11-23T10:00:01Z"`, `"yesterday"`, 1), strings.Repeat("[", 10000),
	} {
		f.Add(int64(0), []byte(seed))
	}
	f.Add(int64(-1), recorded)
	f.Add(int64(7), recorded)
	server, ok := providerserver.NewProtocol6(provider.New("test")())().(wholeServer)
	if !ok {
		f.Fatal("the provider serves no list resources or actions")
	}
	schema, err := server.GetProviderSchema(f.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		f.Fatal(err)
	}
	kind := schema.ResourceSchemas["smtp_settings"].ValueType()
	f.Fuzz(func(t *testing.T, version int64, state []byte) {
		upgraded, err := server.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{
			TypeName: "smtp_settings", Version: version, RawState: &tfprotov6.RawState{JSON: state},
		})
		if err != nil || hasError(upgraded.Diagnostics) {
			return
		}
		if _, err := upgraded.UpgradedState.Unmarshal(kind); err != nil {
			t.Fatalf("taken, and not of the schema's type: %v", err)
		}
		config, err := upgraded.UpgradedState.Unmarshal(kind)
		if err != nil || config.IsNull() {
			return
		}
		if _, err := server.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
			TypeName: "smtp_settings", PriorState: upgraded.UpgradedState, ProposedNewState: upgraded.UpgradedState, Config: upgraded.UpgradedState,
		}); err != nil {
			t.Fatal(err)
		}
	})
}

func hasError(diagnostics []*tfprotov6.Diagnostic) bool {
	for _, d := range diagnostics {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			return true
		}
	}
	return false
}
