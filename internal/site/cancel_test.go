package site_test

import (
	"context"
	"errors"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// After a cancellation nothing new is started, and what was done by then is told.
func TestApplyCancelled(t *testing.T) {
	c := toOtherHost()
	lost := &site.Error{Kind: site.NoAnswer, Message: "the connection closed", Err: context.Canceled}
	tests := []struct {
		name    string
		script  func(cancel func()) []call
		want    site.State
		wantErr error
	}{
		{"BeforeTheTest", func(cancel func()) []call {
			cancel()
			return nil
		}, c.Prior, context.Canceled},
		{"DuringTheTest", func(cancel func()) []call {
			return []call{{ask: testOf(c), during: cancel, err: lost}}
		}, c.Prior, lost},
		{"DuringAPassedTest", func(cancel func()) []call {
			return []call{{ask: testOf(c), during: cancel, result: passed}}
		}, c.Prior, context.Canceled},
		{"DuringTheWrite", func(cancel func()) []call {
			return []call{{ask: testOf(c), result: passed}, {ask: saveOf(c), during: cancel, err: lost}}
		}, c.Prior, lost},
		{"DuringACompletedWrite", func(cancel func()) []call {
			return []call{{ask: testOf(c), result: passed}, {ask: saveOf(c), during: cancel, state: after(c)}}
		}, after(c), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			got, err := procedure(t).Apply(ctx, play(t, tt.script(cancel)...), c)
			if !errors.Is(err, tt.wantErr) {
				t.Errorf("got error %v, want %v", err, tt.wantErr)
			}
			checkState(t, got, tt.want)
		})
	}
}

func TestApplyDisabledCancelledWritesNothing(t *testing.T) {
	for _, can := range []site.Capabilities{{}, {Unguarded: true}} {
		c := toOtherHost()
		c.Enabled = false
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		got, err := procedure(t).Apply(ctx, playOn(t, can), c)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want %v", err, context.Canceled)
		}
		checkState(t, got, c.Prior)
	}
}

// A change without steps is done, whatever becomes of the context.
func TestApplyWithoutNewsCancelled(t *testing.T) {
	c := toOtherHost()
	c.Candidate.Settings = c.Prior.Settings
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := procedure(t).Apply(ctx, play(t), c); err != nil {
		t.Error(err)
	}
}
