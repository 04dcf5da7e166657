package provider_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/sitemail/terraform-provider-smtp/internal/provider"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// TestStateOfVersion0 reads a state written by the first version of the schema. A change of the schema that can no longer read it needs
// a new Schema.Version, an upgrade from 0, and another recorded state.
func TestStateOfVersion0(t *testing.T) {
	recorded, err := os.ReadFile("testdata/state_v0.json")
	if err != nil {
		t.Fatal(err)
	}
	p := startProtocol(t, newTestbed(t, smtptest.Config{}, "only"))
	resp, err := p.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{
		TypeName: "smtp_settings",
		Version:  0,
		RawState: &tfprotov6.RawState{JSON: recorded},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.requireNoError(resp.Diagnostics)
	state, err := resp.UpgradedState.Unmarshal(p.schema.ResourceSchemas["smtp_settings"].ValueType())
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[*tftypes.AttributePath]tftypes.Value{
		tftypes.NewAttributePath().WithAttributeName("host"):                                         tftypes.NewValue(tftypes.String, "smtp.example.com"),
		tftypes.NewAttributePath().WithAttributeName("password_wo_version"):                          tftypes.NewValue(tftypes.String, "3"),
		tftypes.NewAttributePath().WithAttributeName("password_wo"):                                  tftypes.NewValue(tftypes.String, nil),
		tftypes.NewAttributePath().WithAttributeName("test").WithAttributeName("retry_for"):          tftypes.NewValue(tftypes.String, "5m"),
		tftypes.NewAttributePath().WithAttributeName("timeouts").WithAttributeName("create"):         tftypes.NewValue(tftypes.String, "10m"),
		tftypes.NewAttributePath().WithAttributeName("verification").WithAttributeName("message_id"): tftypes.NewValue(tftypes.String, "8d0f0a4c@example.com"),
		tftypes.NewAttributePath().WithAttributeName("verification").WithAttributeName("tested_at"):  tftypes.NewValue(tftypes.String, "2026-11-23T10:00:01Z"),
		tftypes.NewAttributePath().WithAttributeName("on_destroy"):                                   tftypes.NewValue(tftypes.String, "disable"),
		tftypes.NewAttributePath().WithAttributeName("overwrite_existing"):                           tftypes.NewValue(tftypes.Bool, false),
		tftypes.NewAttributePath().WithAttributeName("enabled"):                                      tftypes.NewValue(tftypes.Bool, true),
		tftypes.NewAttributePath().WithAttributeName("port"):                                         tftypes.NewValue(tftypes.Number, 587),
	} {
		got, _, err := tftypes.WalkAttributePath(state, path)
		if value, ok := got.(tftypes.Value); err != nil || !ok || !value.Equal(want) {
			t.Errorf("%s is %v (%v), want %s", path, got, err, want)
		}
	}
}

// TestStateOfRelease0_1 reads a state file that 0.1 wrote. Attributes that it lacks are null, so no site is sent anything new.
func TestStateOfRelease0_1(t *testing.T) {
	content, err := os.ReadFile("testdata/release_0_1/state.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Resources []struct {
			Instances []struct {
				Attributes json.RawMessage `json:"attributes"`
				Private    []byte          `json:"private"`
			} `json:"instances"`
		} `json:"resources"`
	}
	if err := json.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	recorded := file.Resources[0].Instances[0]
	p := startProtocol(t, newTestbed(t, smtptest.Config{}, "only"))
	resp, err := p.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{
		TypeName: "smtp_settings", Version: 0, RawState: &tfprotov6.RawState{JSON: recorded.Attributes},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.requireNoError(resp.Diagnostics)
	state, err := resp.UpgradedState.Unmarshal(p.schema.ResourceSchemas["smtp_settings"].ValueType())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]tftypes.Value{
		"host":         tftypes.NewValue(tftypes.String, "127.0.0.1"),
		"port":         tftypes.NewValue(tftypes.Number, 2526),
		"enabled":      tftypes.NewValue(tftypes.Bool, true),
		"password_set": tftypes.NewValue(tftypes.Bool, true),
		"reply_to":     tftypes.NewValue(tftypes.String, nil),
	} {
		got, _, err := tftypes.WalkAttributePath(state, tftypes.NewAttributePath().WithAttributeName(name))
		if value, ok := got.(tftypes.Value); err != nil || !ok || !value.Equal(want) {
			t.Errorf("%s is %v (%v), want %s", name, got, err, want)
		}
	}
	var private map[string][]byte
	if err := json.Unmarshal(recorded.Private, &private); err != nil {
		t.Fatal(err)
	}
	var applied struct {
		Revision   string `json:"revision"`
		PasswordID string `json:"password_id"`
	}
	if err := json.Unmarshal(private["applied"], &applied); err != nil || applied.Revision != "1" || applied.PasswordID == "" {
		t.Errorf("got private state %s, %v", private["applied"], err)
	}
}

// FuzzState reads arbitrary resource states. A state that is accepted has the schema's type, and a plan of it does not panic.
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
	server, ok := provider.NewServer(nil, "test")().(wholeServer)
	if !ok {
		f.Fatal("the provider does not serve list resources or actions")
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
			t.Fatalf("the old state was accepted but does not have the schema's type: %v", err)
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
