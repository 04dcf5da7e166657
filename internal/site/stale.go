package site

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
)

// guard stops a write before it is made: if the run was cancelled or, at a site without revisions, if someone else changed the site
// since prior was read.
func guard(ctx context.Context, s Site, can Capabilities, prior State) error {
	if can.Unguarded && ctx.Err() == nil {
		now, err := readSame(ctx, s, prior)
		if err := cmp.Or(err, compare(prior, now)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// compare returns an error if someone else changed the site.
func compare(prior, now State) error {
	if now.Revision != prior.Revision || len(changes(prior, now)) > 0 {
		return staleError(prior, now, nil)
	}
	return nil
}

// explainStale reads the site once more, to say what was changed and by whom.
func explainStale(ctx context.Context, s Site, prior State, stale error) error {
	now, err := readSame(ctx, s, prior)
	if err != nil {
		return stale
	}
	return staleError(prior, now, stale)
}

// staleError says what someone else changed at a site from prior to now.
func staleError(prior, now State, refusal error) error {
	what := changes(prior, now)
	if len(what) == 0 {
		what = []string{"written again with the same settings"}
	}
	var by, at string
	if now.UpdatedBy != "" {
		by = fmt.Sprintf(" by %q", now.UpdatedBy)
	}
	if !now.UpdatedAt.IsZero() {
		at = " at " + now.UpdatedAt.UTC().Format(time.RFC3339)
	}
	return &Error{Kind: Stale, Err: refusal, Message: fmt.Sprintf(
		"the site was changed%s%s, after it was read: %s. That was not overwritten. Plan again to see the change and decide.",
		by, at, strings.Join(what, ", "))}
}

// readSame reads the site, and fails if it is not the one that prior was read from.
func readSame(ctx context.Context, s Site, prior State) (State, error) {
	now, err := s.Read(ctx)
	if err == nil && prior.SiteID != "" && now.SiteID != prior.SiteID {
		err = &Error{Kind: WrongSite, Message: fmt.Sprintf("another site answers: its id is %q, not %q", now.SiteID, prior.SiteID)}
	}
	return now, err
}

// changes says in what a site differs from what it was.
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

// differences says in which settings, and in which value of enabled, a site differs from what was expected.
func differences(want Settings, enabled bool, got State) []string {
	var found []string
	wanted := want.Fields()
	for i, f := range got.Settings.Fields() {
		switch {
		case f.Value == wanted[i].Value:
		case f.Name == "username": // at some services a token
			found = append(found, "username is different")
		default:
			found = append(found, fmt.Sprintf("%s is %q instead of %q", f.Name, fmt.Sprint(f.Value), fmt.Sprint(wanted[i].Value)))
		}
	}
	if got.Enabled != enabled {
		found = append(found, fmt.Sprintf("enabled is %t instead of %t", got.Enabled, enabled))
	}
	return found
}
