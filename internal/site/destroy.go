package site

import (
	"cmp"
	"context"
	"errors"
	"fmt"
)

// OnDestroy says how a site is left when it is no longer managed.
type OnDestroy string

// The ways to leave a site: mail off with the settings kept, everything cleared, or everything unchanged.
const (
	OnDestroyDisable OnDestroy = "disable"
	OnDestroyClear   OnDestroy = "clear"
	OnDestroyKeep    OnDestroy = "keep"
)

// OnDestroys lists the valid values of OnDestroy.
func OnDestroys() []OnDestroy { return []OnDestroy{OnDestroyDisable, OnDestroyClear, OnDestroyKeep} }

// ErrTakenOver says that a site was left unchanged because another writer has taken it over.
var ErrTakenOver = errors.New("another writer has taken the site over")

// Destroy leaves a site as how says. It needs no password and is idempotent. Mail is switched off even if the settings have changed
// since; clearing settings that were changed since prior was read is refused with kind [Stale]. A site other than that of prior is
// not touched, with kind [WrongSite]; what the platform cannot do is refused with kind [Unsupported]. A site that was taken over is
// left unchanged, with ErrTakenOver.
func (p Procedure) Destroy(ctx context.Context, s Site, prior State, how OnDestroy) error {
	can := CapabilitiesOf(s)
	if refusal, refused := can.RefuseDestroy(how); refused {
		return &Error{Kind: Unsupported, Message: refusal.Reason}
	}
	switch how {
	case OnDestroyKeep:
		return nil
	case OnDestroyClear:
		return p.clearSettings(ctx, s, can, prior)
	case OnDestroyDisable:
		return p.disable(ctx, s, prior)
	}
	return &Error{Kind: Unsupported, Message: fmt.Sprintf("no such way to leave a site: %q", how)}
}

func (p Procedure) clearSettings(ctx context.Context, s Site, can Capabilities, prior State) error {
	now, err := readSame(ctx, s, prior)
	if err != nil || now.IsClear() {
		return err
	}
	if p.takenOver(now) {
		return ErrTakenOver
	}
	if can.Unguarded {
		err = compare(prior, now)
	}
	if err := cmp.Or(err, ctx.Err()); err != nil {
		return err
	}
	err = s.Clear(ctx, ClearRequest{Revision: prior.Revision, SiteID: now.SiteID})
	if KindOf(err) == Stale {
		return explainStale(ctx, s, prior, err)
	}
	return err
}

func (p Procedure) takenOver(now State) bool { return p.TakenOver != nil && p.TakenOver(now) }

// disable switches mail off. If someone else writes between its read and its write, it tries again, a few times.
func (p Procedure) disable(ctx context.Context, s Site, prior State) error {
	var stale error
	for range 3 {
		now, err := readSame(ctx, s, prior)
		if err != nil || !now.Enabled {
			return err
		}
		if p.takenOver(now) {
			return ErrTakenOver
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		w := SaveRequest{Settings: now.Settings, Revision: now.Revision, SiteID: now.SiteID}
		saved, err := s.Save(ctx, w)
		if err == nil {
			return checkKept(w, saved)
		}
		if KindOf(err) != Stale {
			return err
		}
		stale = err
	}
	return stale
}
