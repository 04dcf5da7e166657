package site_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// mailbox is an inbox in which each message arrives in one place, and which notes its calls beside those of a site.
type mailbox struct {
	*traced
	arrival      site.Arrival
	watch, found error
}

func (m *mailbox) Watch(_ context.Context, from, to string) (site.Watch, error) {
	m.calls = append(m.calls, "watch "+from+" "+to)
	return m, m.watch
}

func (m *mailbox) Find(_ context.Context, accepted site.TestResult, wait time.Duration) (site.Arrival, error) {
	m.calls = append(m.calls, "look for "+wait.String())
	if accepted.Status != site.Passed {
		m.broken = append(m.broken, "a look for a message that was not accepted")
	}
	return m.arrival, m.found
}

func (m *mailbox) Close() { m.calls = append(m.calls, "close") }

const (
	watches = "watch mailer@example.com " + recipient
	looks   = "look for 2m0s"
)

func TestLooksIntoTheInbox(t *testing.T) {
	in := func(place site.Place) site.Arrival { return site.Arrival{Place: place, Folder: string(place)} }
	missing := &site.InboxError{Shortfall: site.NotArrived, Message: "did not arrive"}
	for name, tt := range map[string]struct {
		can     site.Capabilities
		require site.Requirement
		box     mailbox
		refuses bool
		want    []string
		short   site.Shortfall
	}{
		"InboxIsOpenedFirst": {
			require: site.Delivered, box: mailbox{arrival: in(site.PlaceInbox)},
			want: []string{watches, "test candidate", looks, "close", "save on with password"},
		},
		"AcceptedLooksNowhere": {require: site.Accepted, want: []string{"test candidate", "save on with password"}},
		"JunkSavesNothing": {
			require: site.Delivered, box: mailbox{arrival: in(site.PlaceJunk)},
			want: []string{watches, "test candidate", looks, "close"}, short: site.InJunk,
		},
		"MissingSavesNothing": {
			require: site.Delivered, box: mailbox{found: missing},
			want: []string{watches, "test candidate", looks, "close"}, short: site.NotArrived,
		},
		"UncheckedIsNotAuthenticated": {
			require: site.Authenticated, box: mailbox{arrival: in(site.PlaceInbox)},
			want: []string{watches, "test candidate", looks, "close"}, short: site.Unchecked,
		},
		"UnreadableInboxSendsNothing": {
			require: site.Delivered, box: mailbox{watch: &site.InboxError{Shortfall: site.InboxLogin, Message: "no"}},
			want: []string{watches}, short: site.InboxLogin,
		},
		"RefusedMessageIsNotLookedFor": {
			require: site.Delivered, refuses: true, want: []string{watches, "test candidate", "close"},
		},
		"JunkLeavesMailOff": {
			can: savesOff, require: site.Delivered, box: mailbox{arrival: in(site.PlaceJunk)},
			want: []string{watches, "save off with password", "test saved", looks, "close", "read"}, short: site.InJunk,
		},
		"JunkSwitchesMailOff": {
			can: savesOn, require: site.Delivered, box: mailbox{arrival: in(site.PlaceJunk)},
			want: []string{watches, "save on with password", "test saved", looks, "close", "read", "save off"}, short: site.InJunk,
		},
		"DeliveredStaysOn": {
			can: savesOn, require: site.Delivered, box: mailbox{arrival: in(site.PlaceInbox)},
			want: []string{watches, "save on with password", "test saved", looks, "close", "read"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(tt.can, false)
			m.acceptsAll = !tt.refuses
			box := tt.box
			box.traced = &traced{model: m}
			c := site.Change{
				Prior: m.state, Candidate: toOtherHost().Candidate, Enabled: true, Recipient: recipient,
				Require: tt.require, Wait: 2 * time.Minute,
			}
			p := explaining(site.Diagnosis{ID: "x", Retry: site.RetryNever})
			p.Inbox = &box
			now, err := p.Apply(t.Context(), box.traced, c)
			if !slices.Equal(box.calls, tt.want) {
				t.Errorf("requests:\n got %q\nwant %q", box.calls, tt.want)
			}
			failed, _ := errors.AsType[*site.TestError](err)
			switch {
			case (err == nil) != (tt.short == "" && !tt.refuses):
				t.Errorf("got error %v", err)
			case tt.short != "" && (failed == nil || failed.Result.Shortfall != tt.short || failed.Result.Stage != site.StageArrival || failed.Result.Status != site.Failed):
				t.Errorf("got error %#v, want one of %s", err, tt.short)
			case failed != nil && failed.Attempts != 1:
				t.Errorf("%d attempts, want 1", failed.Attempts)
			case failed != nil && failed.Result.Unsent == slices.ContainsFunc(box.calls, func(call string) bool { return strings.HasPrefix(call, "test ") }):
				t.Errorf("got unsent %t after %q", failed.Result.Unsent, box.calls)
			case err == nil && tt.require.Looks() && (now.Verification == nil || now.Verification.Arrival == nil || *now.Verification.Arrival != box.arrival):
				t.Errorf("the verification lacks the arrival: %+v", now.Verification)
			}
			if now.Enabled != (err == nil) || len(m.broken) > 0 {
				t.Errorf("got enabled %t and broken promises %q", now.Enabled, m.broken)
			}
		})
	}
}

func TestArrivalNeedsAnInbox(t *testing.T) {
	c := toOtherHost()
	c.Require = site.Delivered
	_, err := procedure(t).Apply(t.Context(), play(t), c)
	if e, ok := errors.AsType[*site.Error](err); !ok || e.Kind != site.Invalid || e.Field != "require" {
		t.Error(err)
	}
}

func TestRefusesToRequireArrivalOfATestInASave(t *testing.T) {
	c := toOtherHost()
	c.Require = site.Authenticated
	if refusals := inSave.Refuse(c); len(refusals) != 1 || refusals[0].Field != "require" {
		t.Errorf("%+v", refusals)
	}
	c.Require = site.Accepted
	if refusals := inSave.Refuse(c); len(refusals) != 0 {
		t.Errorf("%+v", refusals)
	}
}

func TestWarnsThatMailIsOnDuringTheSearch(t *testing.T) {
	c := toOtherHost()
	c.Require, c.Wait = site.Delivered, 2*time.Minute
	if warnings := strings.Join(savesOn.Warnings(c), "\n"); !strings.Contains(warnings, "for up to 2m0s") {
		t.Error(warnings)
	}
}

// Raising what is required makes a test due, lowering it does not.
func TestRequirementDecidesWhetherATestIsDue(t *testing.T) {
	passes := site.AuthResult{Result: "pass"}
	delivered := &site.Arrival{Place: site.PlaceInbox}
	authenticated := &site.Arrival{Place: site.PlaceInbox, SPF: passes, DKIM: passes, DMARC: passes}
	for name, tt := range map[string]struct {
		known   *site.Arrival
		require site.Requirement
		due     bool
	}{
		"AcceptedToDelivered":      {nil, site.Delivered, true},
		"AcceptedToAuthenticated":  {nil, site.Authenticated, true},
		"DeliveredToAuthenticated": {delivered, site.Authenticated, true},
		"DeliveredStays":           {delivered, site.Delivered, false},
		"AuthenticatedToDelivered": {authenticated, site.Delivered, false},
		"AuthenticatedToAccepted":  {authenticated, site.Accepted, false},
		"NothingRequired":          {nil, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			c := site.Change{Prior: working(), Candidate: site.Candidate{Settings: working().Settings, Password: password}, Enabled: true, Require: tt.require}
			c.Prior.Verification.Arrival = tt.known
			want := site.Steps{SendsTest: tt.due, Writes: tt.due}
			if got := c.Steps(); !reflect.DeepEqual(got, want) {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}
