package site

import (
	"context"
	"fmt"
)

// OnDestroy says what is left at a site that is no longer managed.
type OnDestroy string

// The ways to leave a site: mail off and settings kept, everything cleared, or everything as it is.
const (
	Disable OnDestroy = "disable"
	Clear   OnDestroy = "clear"
	Keep    OnDestroy = "keep"
)

// OnDestroys lists the valid values of OnDestroy.
func OnDestroys() []OnDestroy { return []OnDestroy{Disable, Clear, Keep} }

// Destroy leaves a site as how says, without its password. Switching mail off is done whatever the settings are by
// now; clearing settings that somebody changed since prior was read is refused with kind [Stale].
func (p Procedure) Destroy(ctx context.Context, s Site, prior State, how OnDestroy) error {
	switch how {
	case Keep:
		return nil
	case Clear:
		err := s.Clear(ctx, prior.Revision)
		if KindOf(err) == Stale {
			return explainStale(ctx, s, prior, err)
		}
		return err
	case Disable:
		return disable(ctx, s, prior)
	}
	return &Error{Kind: Unsupported, Message: fmt.Sprintf("no such way to leave a site: %q", how)}
}

func disable(ctx context.Context, s Site, prior State) error {
	if !prior.Enabled {
		return nil
	}
	off := func(at State) error {
		_, err := s.Save(ctx, Save{Settings: at.Settings, Revision: at.Revision, SiteID: prior.SiteID})
		return err
	}
	err := off(prior)
	if KindOf(err) != Stale {
		return err
	}
	now, err := s.Read(ctx)
	if err != nil || !now.Enabled {
		return err
	}
	return off(now)
}
