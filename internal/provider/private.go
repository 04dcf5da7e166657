package provider

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

const appliedKey = "applied"

// applied is kept in private state beside a resource: which site it is, and how it was when it was last applied. It is
// no secret.
type applied struct {
	// SiteID pins the site: no mail password is sent to another.
	SiteID string `json:"site_id"`
	// Revision is the one last seen, which guards the next write.
	Revision string `json:"revision"`
	// PasswordID is that of the password that was last applied.
	PasswordID string `json:"password_id"`
}

type privateReader interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

type privateWriter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// getApplied returns the zero value for a resource that was imported and never read.
func getApplied(ctx context.Context, private privateReader) (applied, diag.Diagnostics) {
	var a applied
	value, diags := private.GetKey(ctx, appliedKey)
	if len(value) == 0 || diags.HasError() {
		return a, diags
	}
	if err := json.Unmarshal(value, &a); err != nil {
		diags.AddError("Private state cannot be read", err.Error())
	}
	return a, diags
}

func (a applied) set(ctx context.Context, private privateWriter) diag.Diagnostics {
	value, err := json.Marshal(a)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Private state cannot be written", err.Error())}
	}
	return private.SetKey(ctx, appliedKey, value)
}

// setApplied records what an apply left at the site.
func setApplied(ctx context.Context, private privateWriter, s site.State) diag.Diagnostics {
	return applied{SiteID: s.SiteID, Revision: s.Revision, PasswordID: s.PasswordID}.set(ctx, private)
}

// observe records what a refresh saw: which site it is, the revision that the next plan is made against, and at the
// first sight of an imported site which password it has.
func (a applied) observe(ctx context.Context, private privateWriter, s site.State) diag.Diagnostics {
	if a.SiteID == "" {
		return setApplied(ctx, private, s)
	}
	a.SiteID, a.Revision = s.SiteID, s.Revision
	return a.set(ctx, private)
}
