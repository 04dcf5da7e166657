package site_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// healing is a failed test with a diagnosis of the site's own.
func healing(retry site.Retry) site.TestResult {
	return site.TestResult{
		Status: site.Failed, Stage: site.StageAuth,
		Diagnosis: &site.Diagnosis{ID: string(retry), Summary: "heals " + string(retry), Retry: retry},
	}
}

func inDoubt() site.TestResult {
	result := healing(site.RetryShort)
	result.Status = site.InDoubt
	return result
}

func retrying(d time.Duration) site.Change {
	c := toOtherHost()
	c.RetryFor = d
	return c
}

func TestTestIsNotRepeated(t *testing.T) {
	tests := []struct {
		name     string
		retryFor time.Duration
		result   site.TestResult
	}{
		{"WhenNotAsked", 0, healing(site.RetryShort)},
		{"WhenNotAskedLong", 0, healing(site.RetryLong)},
		{"NegativeTime", -time.Hour, healing(site.RetryShort)},
		{"Permanent", 24 * time.Hour, healing(site.RetryNever)},
		{"DiagnosisDoesNotSay", 24 * time.Hour, healing("")},
		{"DiagnosisSaysUnknownWord", 24 * time.Hour, healing("sometimes")},
		{"InDoubt", 24 * time.Hour, inDoubt()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := retrying(tt.retryFor)
				failed := applyFailing(t, procedure(t), play(t, call{ask: testOf(c), result: tt.result}), c)
				if failed.Attempts != 1 || failed.Spent != 0 {
					t.Errorf("%d attempts in %v, want one at once", failed.Attempts, failed.Spent)
				}
			})
		})
	}
}

func TestRepeatedTestThatPassesIsSaved(t *testing.T) {
	for _, retry := range []site.Retry{site.RetryShort, site.RetryLong} {
		t.Run(string(retry), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := retrying(time.Hour)
				s := play(t,
					call{ask: testOf(c), result: healing(retry)},
					call{ask: testOf(c), result: healing(retry)},
					call{ask: testOf(c), result: passed},
					call{ask: saveOf(c), state: after(c)})
				got, err := procedure(t).Apply(t.Context(), s, c)
				if err != nil {
					t.Error(err)
				}
				checkState(t, got, after(c))
			})
		})
	}
}

// Each result is judged by itself: what began as a failure that heals may end as one that does not.
func TestRepeatingEndsWithAFailureThatCannotHeal(t *testing.T) {
	for name, last := range map[string]site.TestResult{"Never": healing(site.RetryNever), "InDoubt": inDoubt()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := retrying(time.Hour)
				s := play(t, call{ask: testOf(c), result: healing(site.RetryShort)}, call{ask: testOf(c), result: last})
				failed := applyFailing(t, procedure(t), s, c)
				if failed.Attempts != 2 || failed.Result.Diagnosis != last.Diagnosis {
					t.Errorf("%d attempts, diagnosis %+v; want 2 and the last one", failed.Attempts, failed.Result.Diagnosis)
				}
			})
		})
	}
}

func TestRepeatingEndsWithACallWithoutVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := retrying(time.Hour)
		lost := &site.Error{Kind: site.NoAnswer, Message: "the connection closed"}
		s := play(t, call{ask: testOf(c), result: healing(site.RetryShort)}, call{ask: testOf(c), err: lost})
		checkRefused(t, s, c, lost)
	})
}

// patient is a site whose test fails, takes a while, and heals never; it notes when each test began.
type patient struct {
	site.Site
	takes time.Duration
	began []time.Time
}

func (p *patient) Test(context.Context, site.TestRequest) (site.TestResult, error) {
	p.began = append(p.began, time.Now())
	time.Sleep(p.takes)
	return healing(site.RetryLong), nil
}

func (p *patient) pauses() []time.Duration {
	var pauses []time.Duration
	for i, t := range p.began[1:] {
		pauses = append(pauses, t.Sub(p.began[i])-p.takes)
	}
	return pauses
}

// Pauses double from 5 s to 5 min, and each is shortened by less than half of it.
func TestPausesGrow(t *testing.T) {
	longest := []int{5, 10, 20, 40, 80, 160, 300, 300, 300}
	first := map[time.Duration]bool{}
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			s := &patient{takes: time.Second}
			applyFailing(t, procedure(t), s, retrying(time.Hour))
			pauses := s.pauses()
			for i, seconds := range longest {
				if most := time.Duration(seconds) * time.Second; pauses[i] <= most/2 || pauses[i] > most {
					t.Errorf("pause %d is %v, want more than %v and at most %v", i+1, pauses[i], most/2, most)
				}
			}
			first[pauses[0]] = true
		})
	}
	if len(first) < 2 {
		t.Error("the first pause is always the same, so all sites would retry at the same time")
	}
}

// The time that was given is used to its end, and not beyond.
func TestRepeatingStopsWhenTheTimeIsSpent(t *testing.T) {
	for _, given := range []time.Duration{time.Nanosecond, time.Second, 4 * time.Second, time.Minute, 5 * time.Minute, 24 * time.Hour} {
		t.Run(given.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &patient{}
				start := time.Now()
				failed := applyFailing(t, procedure(t), s, retrying(given))
				if failed.Attempts != len(s.began) || failed.Attempts < 2 {
					t.Errorf("%d attempts reported, %d made, want at least two", failed.Attempts, len(s.began))
				}
				if last := s.began[len(s.began)-1].Sub(start); last != given || failed.Spent != given {
					t.Errorf("last test after %v, %v spent; want both after %v", last, failed.Spent, given)
				}
			})
		})
	}
}

// The tests themselves count: none begins after the time that was given.
func TestTimeOfTheTestsIsSpentToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &patient{takes: 40 * time.Second}
		failed := applyFailing(t, procedure(t), s, retrying(time.Minute))
		if pause := s.pauses()[0]; failed.Attempts != 2 || failed.Spent != 80*time.Second+pause {
			t.Errorf("%d attempts in %v with a pause of %v, want 2 tests of 40s", failed.Attempts, failed.Spent, pause)
		}
	})
}

func TestCancelledPauseTellsWhyTheTestFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := retrying(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		got, err := procedure(t).Apply(ctx, play(t, call{ask: testOf(c), result: healing(site.RetryShort)}), c)
		if failed, ok := errors.AsType[*site.TestError](err); !ok || failed.Attempts != 1 {
			t.Errorf("got error %#v, want that of the first test", err)
		}
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("gave up after %v, want at the cancellation", waited)
		}
		checkState(t, got, c.Prior)
	})
}

func TestCancelledDuringAFailingTestDoesNotPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := retrying(time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		start := time.Now()
		s := play(t, call{ask: testOf(c), result: healing(site.RetryShort), during: cancel})
		if _, err := procedure(t).Apply(ctx, s, c); !errors.As(err, new(*site.TestError)) {
			t.Errorf("got error %#v, want that of the test", err)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("paused %v although canceled", waited)
		}
	})
}
