package site_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// traced is the model, with a note of each call.
type traced struct {
	*model
	calls []string
}

func (s *traced) Read(ctx context.Context) (site.State, error) {
	s.calls = append(s.calls, "read")
	return s.model.Read(ctx)
}

func (s *traced) Test(ctx context.Context, t site.TestRequest) (site.TestResult, error) {
	what := "test saved"
	if t.Candidate != nil {
		what = "test candidate"
	}
	s.calls = append(s.calls, what)
	return s.model.Test(ctx, t)
}

func (s *traced) Save(ctx context.Context, w site.SaveRequest) (site.State, error) {
	what := "save off"
	if w.Enabled {
		what = "save on"
	}
	if w.Recipient != "" {
		what += " for " + w.Recipient
	}
	if !w.Password.IsEmpty() {
		what += " with password"
	}
	s.calls = append(s.calls, what)
	return s.model.Save(ctx, w)
}

func (s *traced) Clear(ctx context.Context, c site.ClearRequest) error {
	s.calls = append(s.calls, "clear")
	return s.model.Clear(ctx, c)
}

// order is a change on a platform, and the calls that it takes.
type order struct {
	name    string
	can     site.Capabilities
	scene   string
	edit    func(*site.Change)
	accepts bool
	want    []string
	// left is what an error says; nothing was written where the change failed and there is no left.
	left *site.Left
}

var (
	off      = new(site.LeftOff)
	restored = new(site.LeftRestored)

	savesOff   = site.Capabilities{Testing: site.TestsSaved}
	savesOn    = site.Capabilities{Testing: site.TestsEnabled}
	inSave     = site.Capabilities{Testing: site.TestsInSave}
	clearsOff  = site.Capabilities{Testing: site.TestsEnabled, Off: site.OffByClearing}
	forgetsOn  = site.Capabilities{Testing: site.TestsEnabled, ForgetsVerification: true}
	losesItOn  = site.Capabilities{Testing: site.TestsEnabled, SaveNeedsPassword: true}
	losesIt    = site.Capabilities{Testing: site.TestsSaved, SaveNeedsPassword: true}
	unguarded  = site.Capabilities{Testing: site.TestsEnabled, Unguarded: true}
	candidates = site.Capabilities{Unguarded: true}
)

var orders = []order{
	{name: "CandidateIsTestedFirst", scene: "WorkingElsewhere", accepts: true, want: []string{"test candidate", "save on with password"}},
	{name: "RefusedCandidateIsNotSaved", scene: "WorkingElsewhere", want: []string{"test candidate"}},
	{
		name: "SiteWithoutRevisionIsReadBeforeTheWrite", can: candidates, scene: "WorkingElsewhere", accepts: true,
		want: []string{"test candidate", "read", "save on with password"},
	},

	{name: "SavedOffTestedEnabled", can: savesOff, scene: "WorkingElsewhere", accepts: true, want: []string{"save off with password", "test saved", "save on"}},
	{name: "RefusedStaysOff", can: savesOff, scene: "WorkingElsewhere", want: []string{"save off with password", "test saved", "read"}, left: off},
	{
		name: "RefusedIsReplacedByWorkingSettings", can: savesOff, scene: "WorkingElsewhereWithPasswordAtHand",
		want: []string{"save off with password", "test saved", "read", "save on with password"}, left: restored,
	},
	{
		name: "SavedSettingsAreTestedWithoutAWrite", can: savesOff, scene: "Off", accepts: true,
		edit: func(c *site.Change) { c.Candidate.Password = secret.Text{} }, want: []string{"test saved", "save on"},
	},
	{
		name: "PasswordIsSentWhereItWouldBeLost", can: losesIt, scene: "WorkingElsewhere", accepts: true,
		want: []string{"save off with password", "test saved", "save on with password"},
	},

	{name: "EnabledTested", can: savesOn, scene: "WorkingElsewhere", accepts: true, want: []string{"save on with password", "test saved", "read"}},
	{
		name: "RefusedIsSwitchedOff", can: savesOn, scene: "WorkingElsewhere",
		want: []string{"save on with password", "test saved", "read", "save off"}, left: off,
	},
	{
		name: "WorkingSettingsAreRestoredWithVerification", can: forgetsOn, scene: "WorkingElsewhereWithPasswordAtHand",
		want: []string{"save on with password", "test saved", "read", "save on with password"}, left: restored,
	},
	{
		name: "RefusedIsReplacedByWorkingSettings", can: savesOn, scene: "WorkingElsewhereWithPasswordAtHand",
		want: []string{"save on with password", "test saved", "read", "save on with password"}, left: restored,
	},
	{
		name: "PasswordIsSentToSwitchOff", can: losesItOn, scene: "WorkingElsewhere",
		want: []string{"save on with password", "test saved", "read", "save off with password"}, left: off,
	},
	{
		name: "RefusedIsCleared", can: clearsOff, scene: "WorkingElsewhere",
		want: []string{"save on with password", "test saved", "read", "clear", "read"}, left: off,
	},
	{
		name: "EveryWriteIsGuarded", can: unguarded, scene: "WorkingElsewhere",
		want: []string{"read", "save on with password", "test saved", "read", "read", "save off"}, left: off,
	},
	{
		name: "PassedRepairIsEnough", can: savesOn, scene: "LeftOnUntested", accepts: true,
		edit: func(c *site.Change) { c.Candidate.Password = secret.Text{} }, want: []string{"test saved", "read"},
	},
	{
		name: "FailedRepairEndsTheRun", can: savesOn, scene: "LeftOnUntested",
		want: []string{"test saved", "read", "save off"}, left: off,
	},
	{
		name: "RepairComesBeforeAnotherCandidate", can: savesOn, scene: "LeftOnUntestedToGoElsewhere", accepts: true,
		want: []string{"test saved", "read", "save on with password", "test saved", "read"},
	},
	{
		name: "FailedRepairComesBeforeAnotherCandidate", can: savesOn, scene: "LeftOnUntestedToGoElsewhere",
		want: []string{"test saved", "read", "save off", "save on with password", "test saved", "read", "save off"}, left: off,
	},

	{name: "SiteTestsInTheSave", can: inSave, scene: "WorkingElsewhere", accepts: true, want: []string{"save on for ops@example.com with password"}},
	{name: "RefusedInTheSave", can: inSave, scene: "WorkingElsewhere", want: []string{"save on for ops@example.com with password"}},
}

func TestOrders(t *testing.T) {
	for _, o := range orders {
		t.Run(o.name, func(t *testing.T) {
			r := &run{model: newModel(o.can, false), can: o.can}
			c := scenes[o.scene](r)
			if o.edit != nil {
				o.edit(&c)
			}
			r.model.acceptsAll = o.accepts
			s := &traced{model: r.model}
			now, err := explaining(site.Diagnosis{ID: "x"}).Apply(t.Context(), s, c)
			if !slices.Equal(s.calls, o.want) {
				t.Errorf("requests:\n got %q\nwant %q", s.calls, o.want)
			}
			if (err == nil) != o.accepts {
				t.Fatalf("got error %v", err)
			}
			partial, ok := errors.AsType[*site.PartialError](err)
			if ok != (o.left != nil) || ok && (partial.Left != *o.left || partial.Undo != nil) {
				t.Errorf("got error %v, want one of what was left: %v", err, o.left)
			}
			if _, failed := errors.AsType[*site.TestError](err); failed == o.accepts {
				t.Errorf("error %#v holds no test result", err)
			}
			if o.left == restored && !reflect.DeepEqual(now.Verification, c.Prior.Verification) {
				t.Errorf("restored with verification %+v, want %+v", now.Verification, c.Prior.Verification)
			}
			r.checkHolds(t, now)
			r.excused = false
			r.promises(t)
		})
	}
}

// Mail is off in each pause between two tests of a platform that tests only what is on.
func TestMailIsOffBetweenRepeatedTests(t *testing.T) {
	for name, tt := range map[string]struct {
		can                site.Capabilities
		first, later, last []string
	}{
		"Switched": {savesOn, []string{"save on with password", "test saved", "save off"}, []string{"save on", "test saved", "save off"}, []string{"save on", "test saved", "read", "save off"}},
		"Cleared": {
			clearsOff,
			[]string{"save on with password", "test saved", "clear", "read"},
			[]string{"save on with password", "test saved", "clear", "read"},
			[]string{"save on with password", "test saved", "read", "clear", "read"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &run{model: newModel(tt.can, false), can: tt.can}
				c := scenes["NeverConfigured"](r)
				c.RetryFor = 12 * time.Second
				s := &traced{model: r.model}
				_, err := procedure(t).Apply(t.Context(), s, c)
				failed, ok := errors.AsType[*site.TestError](err)
				if !ok || failed.Attempts < 3 {
					t.Fatalf("got error %v, want one after some attempts", err)
				}
				want := slices.Concat(tt.first, slices.Concat(slices.Repeat([][]string{tt.later}, failed.Attempts-2)...), tt.last)
				if !slices.Equal(s.calls, want) {
					t.Errorf("requests:\n got %q\nwant %q", s.calls, want)
				}
			})
		})
	}
}

// What is saved off is saved once, however often it is tested.
func TestSavedCandidateIsTestedRepeatedly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := toOtherHost()
		c.RetryFor = time.Hour
		saved := switchedOff(candidateOn(c))
		first, last := saveOf(c), saveOf(c)
		first.Enabled = false
		last.Password, last.Revision = secret.Text{}, saved.Revision
		s := playOn(t, savesOff,
			call{ask: first, state: saved},
			call{ask: testOfSaved(c), result: healing(site.RetryShort)},
			call{ask: testOfSaved(c), result: healing(site.RetryLong)},
			call{ask: testOfSaved(c), result: passed},
			call{ask: last, state: after(c)})
		now, err := procedure(t).Apply(t.Context(), s, c)
		if err != nil {
			t.Error(err)
		}
		checkState(t, now, after(c))
	})
}
