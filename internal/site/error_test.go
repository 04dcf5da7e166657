package site_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func TestErrorNamesTheField(t *testing.T) {
	tests := []struct {
		err  *site.Error
		want string
	}{
		{&site.Error{Kind: site.Invalid, Field: "port", Message: "must not be 0"}, "port: must not be 0"},
		{&site.Error{Kind: site.Stale, Message: "somebody was faster"}, "somebody was faster"},
		{&site.Error{Kind: site.Unreachable, Message: "no connection", Err: errors.New("dial")}, "no connection"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("%+v says %q, want %q", *tt.err, got, tt.want)
		}
	}
}

func TestKindOf(t *testing.T) {
	for _, kind := range kinds {
		err := &site.Error{Kind: kind}
		for _, wrapped := range []error{err, fmt.Errorf("apply: %w", err), errors.Join(errors.New("a"), err)} {
			if got := site.KindOf(wrapped); got != kind {
				t.Errorf("KindOf(%#v) = %q, want %q", wrapped, got, kind)
			}
		}
	}
	outer := &site.Error{Kind: site.Unexpected, Err: &site.Error{Kind: site.Stale}}
	if got := site.KindOf(outer); got != site.Unexpected {
		t.Errorf("the kind of the outer error is %q, want that of the first in the chain", got)
	}
	for _, other := range []error{nil, context.Canceled, &site.TestError{}} {
		if got := site.KindOf(other); got != "" {
			t.Errorf("KindOf(%v) = %q, want none", other, got)
		}
	}
}

func TestErrorUnwraps(t *testing.T) {
	err := &site.Error{Kind: site.Unreachable, Err: context.DeadlineExceeded}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error("errors.Is does not find the wrapped error")
	}
	if errors.Unwrap(&site.Error{}) != nil {
		t.Error("an error without a cause unwraps to something")
	}
}

func TestTestErrorNamesKnownStage(t *testing.T) {
	for stage, want := range map[site.Stage]string{"": "the test failed", site.StageAuth: "the test failed at stage auth"} {
		if got := (&site.TestError{Result: site.TestResult{Status: site.Failed, Stage: stage}}).Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
