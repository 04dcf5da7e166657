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

// lastApplied is stored in the private state of a resource: what the provider has to remember about the last apply and no attribute
// holds. It contains no secrets. It is kept small, because Terraform rewrites a local state file after each change.
type lastApplied struct {
	// Revision is the site's revision when it was last read; it guards the next write.
	Revision string `json:"revision"`
	// PasswordID is the ID of the password that was last applied.
	PasswordID string `json:"password_id"`
	// Unknown are the settings that the site did not support when it was last read.
	Unknown site.SettingNames `json:"unknown,omitempty"`
	// Instance distinguishes this resource from others for the same site, and is part of the IDs of its writes.
	Instance string `json:"instance"`
	// Adopted is the instance whose settings this resource took over unchanged; empty once this resource has written settings.
	Adopted string `json:"adopted,omitempty"`
	// Unread is true if the last refresh could not read the site, so its ID must be checked before anything is sent to it.
	Unread bool `json:"unread,omitempty"`
	// Verification is stored here for platforms that do not store it; Tested is the digest of the state that passed.
	Verification *site.Verification `json:"verification,omitempty"`
	Tested       string             `json:"tested,omitempty"`
	// InForce is what sent the site's mail instead of its settings when it was last read.
	InForce *site.InForce `json:"in_force,omitempty"`
	// Arrival is where the last test message arrived, if the test required that.
	Arrival *knownArrival `json:"arrival,omitempty"`
}

type privateReader interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

type privateWriter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// getApplied returns the zero value for a resource that was imported but not read yet.
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

// newInstance returns 40 random bits, enough to distinguish the resources of one site.
func newInstance() string { return rand.Text()[:8] }

// after returns the record after an apply that left the site, which has these capabilities, in state s.
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

// digest identifies the settings that passed a test. Instead of the password it includes the password's ID, if the site has one.
func digest(s site.State) string {
	h := sha256.New()
	for _, f := range s.Settings.IdentityFields() {
		fmt.Fprintf(h, "%s=%q\n", f.Name, fmt.Sprint(f.Value))
	}
	fmt.Fprintf(h, "password_id=%q\n", s.PasswordID)
	return hex.EncodeToString(h.Sum(nil))
}

// recall adds to s what the site itself does not store: the verification, as long as the settings are those that passed, and the
// arrival of the test message.
func (a lastApplied) recall(s site.State, can site.Capabilities) site.State {
	if can.ForgetsVerification && a.Verification != nil && a.Tested == digest(s) {
		s.Verification = a.Verification
	}
	s.Verification = a.Arrival.recall(s.Verification)
	return s
}

// partly returns the record after a change that failed halfway and left the site in state s: the password counts as not applied.
func (a lastApplied) partly(s site.State, can site.Capabilities) lastApplied {
	left := a.after(s, can)
	left.PasswordID = a.PasswordID
	return left
}

// observe returns the record after a refresh read s: with the revision for the next plan and, for a newly imported site, the ID of its
// current password.
func (a lastApplied) observe(s site.State, imported bool) lastApplied {
	a.Revision, a.Unknown, a.InForce, a.Unread = s.Revision, s.Unknown, s.InForce, false
	if imported {
		a.PasswordID, a.Instance, a.Adopted = s.PasswordID, newInstance(), site.WriterOf(s.LastWriteID)
	}
	return a
}

// unread returns the record after a refresh that could not read the site: the apply must read it before sending anything.
func (a lastApplied) unread() lastApplied {
	a.Unread = true
	return a
}

// takenOver reports whether another smtp_settings resource has written the settings of s since: the one that replaced this resource,
// or one of another provider block or state. It is always false at sites that do not store the ID of a write.
func (a lastApplied) takenOver(s site.State) bool {
	writer := site.WriterOf(s.LastWriteID)
	return writer != "" && writer != a.Instance && writer != a.Adopted
}
