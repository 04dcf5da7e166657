package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

func TestKeepSpelling(t *testing.T) {
	text := types.StringValue
	for name, c := range map[string]struct{ planned, state, want settingsModel }{
		"KeepsOtherSpelling": {
			settingsModel{settingValues: settingValues{Host: text("SMTP.Example.COM."), FromAddress: text("web@BÜCHER.example")}},
			settingsModel{settingValues: settingValues{Host: text("smtp.example.com"), FromAddress: text("web@xn--bcher-kva.example")}},
			settingsModel{settingValues: settingValues{Host: text("smtp.example.com"), FromAddress: text("web@xn--bcher-kva.example")}},
		},
		"PlansAChange": {
			settingsModel{settingValues: settingValues{Host: text("mail.example.com"), FromAddress: text("Web@example.com")}},
			settingsModel{settingValues: settingValues{Host: text("smtp.example.com"), FromAddress: text("web@example.com")}},
			settingsModel{settingValues: settingValues{Host: text("mail.example.com"), FromAddress: text("Web@example.com")}},
		},
		"UnknownStaysUnknownForAClearedSite": {
			settingsModel{settingValues: settingValues{Host: types.StringUnknown(), FromAddress: types.StringUnknown()}},
			settingsModel{settingValues: settingValues{Host: types.StringNull(), FromAddress: types.StringNull()}},
			settingsModel{settingValues: settingValues{Host: types.StringUnknown(), FromAddress: types.StringUnknown()}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.planned
			got.keepSpelling(c.state)
			if !got.Host.Equal(c.want.Host) || !got.FromAddress.Equal(c.want.FromAddress) {
				t.Errorf("got host %s and from_address %s, want %s and %s", got.Host, got.FromAddress, c.want.Host, c.want.FromAddress)
			}
		})
	}
}
