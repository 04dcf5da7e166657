package provider

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

const appliedKey = "applied"

// lastApplied is kept in private state beside a resource: how the site was when it was last applied, as far as no attribute
// says so. It is no secret. Terraform writes a local state file anew after each change, so every byte counts.
type lastApplied struct {
	// Revision is the one last seen, which guards the next write.
	Revision string `json:"revision"`
	// PasswordID is that of the password that was last applied.
	PasswordID string `json:"password_id"`
	// Unknown are the settings that the site did not know when it was last read.
	Unknown site.SettingNames `json:"unknown,omitempty"`
	// Instance tells this resource from others for the same site, and is in the identifiers of its writes.
	Instance string `json:"instance"`
	// Adopted is the instance that wrote the settings which this resource took over as they were; empty once it wrote itself.
	Adopted string `json:"adopted,omitempty"`
	// Unread: the last refresh did not read the site, so that nobody knows yet whether it is the one that is managed.
	Unread bool `json:"unread,omitempty"`
	// Verification is kept here for a platform that does not keep it, and Tested is the digest of what passed.
	Verification *site.Verification `json:"verification,omitempty"`
	Tested       string             `json:"tested,omitempty"`
	// InForce is what sent the site's mail in the place of its settings when it was last read.
	InForce *site.InForce `json:"in_force,omitempty"`
	// Arrival is where the message of the last test arrived, where that was required.
	Arrival *knownArrival `json:"arrival,omitempty"`
}

type privateReader interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

type privateWriter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// getApplied returns the zero value for a resource that was imported and never read.
func getApplied(ctx context.Context, private privateReader) (lastApplied, diag.Diagnostics) {
	var a lastApplied
	value, diags := private.GetKey(ctx, appliedKey)
	if len(value) == 0 || diags.HasError() {
		return a, diags
	}
	if err := json.Unmarshal(value, &a); err != nil {
		diags.AddError("Private state cannot be read", err.Error())
	}
	return a, diags
}

func (a lastApplied) set(ctx context.Context, private privateWriter) diag.Diagnostics {
	value, err := json.Marshal(a)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Private state cannot be written", err.Error())}
	}
	return private.SetKey(ctx, appliedKey, value)
}

// newInstance makes what tells a resource from others: 40 random bits, which will do for those of one site.
func newInstance() string { return rand.Text()[:8] }

// after is a after an apply that left s at a site with these capabilities.
func (a lastApplied) after(s site.State, can site.Capabilities) lastApplied {
	a = lastApplied{Revision: s.Revision, PasswordID: s.PasswordID, Unknown: s.Unknown, InForce: s.InForce, Instance: cmp.Or(a.Instance, newInstance())}
	if writer := site.WriterOf(s.LastWriteID); writer != a.Instance {
		a.Adopted = writer
	}
	a.Arrival = newKnownArrival(s.Verification)
	if can.ForgetsVerification && s.Verification != nil {
		a.Verification, a.Tested = s.Verification, digest(s)
	}
	return a
}

// digest tells settings apart that passed a test from others. The password is no part of it, other than by the id that
// some sites give it.
func digest(s site.State) string {
	h := sha256.New()
	for _, f := range s.Settings.IdentityFields() {
		fmt.Fprintf(h, "%s=%q\n", f.Name, fmt.Sprint(f.Value))
	}
	fmt.Fprintf(h, "password_id=%q\n", s.PasswordID)
	return hex.EncodeToString(h.Sum(nil))
}

// recall adds the verification that the site itself does not keep, as long as its settings are those that passed, and its arrival.
func (a lastApplied) recall(s site.State, can site.Capabilities) site.State {
	if can.ForgetsVerification && a.Verification != nil && a.Tested == digest(s) {
		s.Verification = a.Verification
	}
	s.Verification = a.Arrival.recall(s.Verification)
	return s
}

// partly is a after a change that failed on its way and left s: the password is still the one that was applied before.
func (a lastApplied) partly(s site.State, can site.Capabilities) lastApplied {
	left := a.after(s, can)
	left.PasswordID = a.PasswordID
	return left
}

// observe records what a refresh saw: the revision that the next plan is made against, and at the first sight of an
// imported site which password it has.
func (a lastApplied) observe(s site.State, imported bool) lastApplied {
	a.Revision, a.Unknown, a.InForce, a.Unread = s.Revision, s.Unknown, s.InForce, false
	if imported {
		a.PasswordID, a.Instance, a.Adopted = s.PasswordID, newInstance(), site.WriterOf(s.LastWriteID)
	}
	return a
}

// unread records that a refresh did not read the site: the apply has to, before it sends anything there.
func (a lastApplied) unread() lastApplied {
	a.Unread = true
	return a
}

// takenOver reports whether another smtp_settings resource has written the settings of s since: the one that replaced this one,
// or one of another provider block or another state. Sites that keep no identifiers of writes never say so.
func (a lastApplied) takenOver(s site.State) bool {
	writer := site.WriterOf(s.LastWriteID)
	return writer != "" && writer != a.Instance && writer != a.Adopted
}
