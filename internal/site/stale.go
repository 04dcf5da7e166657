package site

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// guard ends a write before it is made: when the run was cancelled or, at a site without revisions, when somebody else
// changed the site since prior was read.
func guard(ctx context.Context, s Site, can Capabilities, prior State) error {
	if err := ctx.Err(); err != nil || !can.Unguarded {
		return err
	}
	now, err := readSame(ctx, s, prior)
	if err != nil {
		return err
	}
	return compare(prior, now)
}

// compare stands in for the revision of a site that has none.
func compare(prior, now State) error {
	if what := changes(prior, now); len(what) > 0 {
		return staleError(now, what, nil)
	}
	return nil
}

// explainStale reads the site once more to say what somebody else changed, and by whom.
func explainStale(ctx context.Context, s Site, prior State, stale error) error {
	now, err := readSame(ctx, s, prior)
	if err != nil {
		return stale
	}
	what := changes(prior, now)
	if len(what) == 0 {
		what = []string{"written again with the same settings"}
	}
	return staleError(now, what, stale)
}

// staleError tells of a write that was not made because now is what somebody else left at the site.
func staleError(now State, what []string, refusal error) error {
	var by, at string
	if now.UpdatedBy != "" {
		by = fmt.Sprintf(" by %q", now.UpdatedBy)
	}
	if !now.UpdatedAt.IsZero() {
		at = " at " + now.UpdatedAt.UTC().Format(time.RFC3339)
	}
	return &Error{Kind: Stale, Err: refusal, Message: fmt.Sprintf(
		"the site was changed%s%s, after it was read: %s. Nothing was written. Plan again to see the change and decide.",
		by, at, strings.Join(what, ", "))}
}

// readSame reads the site, and refuses to take another one for the one that prior was read from.
func readSame(ctx context.Context, s Site, prior State) (State, error) {
	now, err := s.Read(ctx)
	if err == nil && prior.SiteID != "" && now.SiteID != prior.SiteID {
		err = &Error{Kind: WrongSite, Message: fmt.Sprintf("another site answers: its id is %q, not %q", now.SiteID, prior.SiteID)}
	}
	return now, err
}

// changes says what is another at a site than it was.
func changes(prior, now State) []string {
	what := differences(prior.Settings, prior.Enabled, now)
	switch {
	case prior.PasswordSet && !now.PasswordSet:
		what = append(what, "no password")
	case prior.PasswordID != now.PasswordID:
		what = append(what, "a new password")
	}
	return what
}

// differences says in which settings, and in which position of the switch, a site differs from what was expected.
func differences(want Settings, enabled bool, got State) []string {
	var found []string
	wanted := want.Fields()
	for i, f := range got.Settings.Fields() {
		if f.Value != wanted[i].Value {
			found = append(found, fmt.Sprintf("%s is %q instead of %q", f.Name, fmt.Sprint(f.Value), fmt.Sprint(wanted[i].Value)))
		}
	}
	if got.Enabled != enabled {
		found = append(found, fmt.Sprintf("enabled is %t instead of %t", got.Enabled, enabled))
	}
	return found
}
