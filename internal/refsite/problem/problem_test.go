package problem

import (
	"errors"
	"fmt"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
)

func TestOf(t *testing.T) {
	cause := errors.New("no space left on device")
	for want, err := range map[Code]error{
		Stale:    fmt.Errorf("wrapped: %w", &Error{Code: Stale, Err: cause}),
		Invalid:  OfField("host", "must not be %d", 1),
		NotFound: New(NotFound, "nothing"),
		Stopping: fmt.Errorf("wrapped: %w", store.ErrClosed),
		Storage:  fmt.Errorf("wrapped: %w", &store.WriteError{Err: cause}),
		Internal: cause,
	} {
		got := Of(err)
		if got.Code != want {
			t.Errorf("%v: %s", err, got.Code)
		}
		if (want == Storage || want == Internal || want == Stale) && !errors.Is(got, cause) {
			t.Errorf("%s forgets its cause", want)
		}
		if got.Detail == cause.Error() {
			t.Errorf("%s shows its cause", want)
		}
	}
	if doubt := Of(&store.WriteError{Err: cause, InDoubt: true}); doubt.Code != Internal || !errors.Is(doubt, cause) {
		t.Errorf("in doubt: got %v", doubt)
	}
	if text := OfField("host", "must not be %d", 1).Error(); text != "invalid: must not be 1" {
		t.Error(text)
	}
	if text := (&Error{Code: Storage, Detail: "full", Err: cause}).Error(); text != "storage: full: no space left on device" {
		t.Error(text)
	}
}
