package provider_test

import (
	"os"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// TestStateOfVersion0 reads a state as the first version of the schema wrote it. A change of the schema that cannot read
// it any more needs a new Schema.Version, an upgrade from 0, and a recorded state of its own beside this one.
func TestStateOfVersion0(t *testing.T) {
	recorded, err := os.ReadFile("testdata/state_v0.json")
	if err != nil {
		t.Fatal(err)
	}
	p := startProtocol(t, newWorld(t, smtptest.Config{}, "only"))
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
		tftypes.NewAttributePath().WithAttributeName("password_wo_version"):                          tftypes.NewValue(tftypes.Number, 3),
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
