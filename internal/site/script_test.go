package site_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// call is one call that a script expects, and its answer.
type call struct {
	// ask is a read, a site.TestRequest, a site.SaveRequest or a site.ClearRequest, with every argument.
	ask    any
	state  site.State
	result site.TestResult
	err    error
	// during, when set, happens while the call is under way.
	during func()
}

type (
	read struct{}
)

var errUnscripted = errors.New("the script says nothing about this call")

// script is a site that wants exactly its calls, in their order, and answers as they say.
type script struct {
	can      site.Capabilities
	calls    []call
	made     int
	problems []string
}

var (
	_ site.Site    = (*script)(nil)
	_ site.Capable = (*script)(nil)
)

// play returns a script of these calls; the test fails when they were not the ones that were made.
func play(t *testing.T, calls ...call) *script {
	t.Helper()
	return playOn(t, site.Capabilities{}, calls...)
}

// playOn is play for a platform with these capabilities.
func playOn(t *testing.T, can site.Capabilities, calls ...call) *script {
	t.Helper()
	s := &script{can: can, calls: calls}
	t.Cleanup(func() {
		for _, problem := range s.check() {
			t.Error(problem)
		}
	})
	return s
}

func (s *script) check() []string {
	problems := s.problems
	for _, missing := range s.calls[s.made:] {
		problems = append(problems, "missing: "+describe(missing.ask))
	}
	return problems
}

func (s *script) take(ctx context.Context, ask any) call {
	if _, harmless := ask.(read); !harmless && ctx.Err() != nil {
		s.problems = append(s.problems, "made with a context that is done: "+describe(ask))
	}
	if s.made == len(s.calls) {
		s.problems = append(s.problems, "extra: "+describe(ask))
		return call{err: errUnscripted}
	}
	next := s.calls[s.made]
	s.made++
	if !reflect.DeepEqual(next.ask, ask) {
		s.problems = append(s.problems, fmt.Sprintf("call %d:\n got %s\nwant %s", s.made, describe(ask), describe(next.ask)))
		return call{err: errUnscripted}
	}
	if next.during != nil {
		next.during()
	}
	return next
}

func (s *script) Capabilities() site.Capabilities { return s.can }

func (s *script) Read(ctx context.Context) (site.State, error) {
	answer := s.take(ctx, read{})
	return answer.state, answer.err
}

func (s *script) Test(ctx context.Context, t site.TestRequest) (site.TestResult, error) {
	answer := s.take(ctx, t)
	return answer.result, answer.err
}

func (s *script) Save(ctx context.Context, w site.SaveRequest) (site.State, error) {
	answer := s.take(ctx, w)
	return answer.state, answer.err
}

func (s *script) Clear(ctx context.Context, c site.ClearRequest) error {
	return s.take(ctx, c).err
}

// clearing is the request to clear the site that works, at revision 7.
func clearing() site.ClearRequest {
	return site.ClearRequest{Revision: "7", SiteID: working().SiteID}
}

// describe shows a call with the password in it: these are the passwords of tests.
func describe(ask any) string {
	switch ask := ask.(type) {
	case site.TestRequest:
		if ask.Candidate == nil {
			return fmt.Sprintf("test of what is saved, recipient %q, site %q", ask.Recipient, ask.SiteID)
		}
		return fmt.Sprintf("test of %+v, password %q, recipient %q, site %q",
			ask.Candidate.Settings, ask.Candidate.Password.Reveal(), ask.Recipient, ask.SiteID)
	case site.SaveRequest:
		return fmt.Sprintf("%+v, password %q", ask, ask.Password.Reveal())
	}
	return fmt.Sprintf("%T%+v", ask, ask)
}

func TestScriptNoticesWrongCalls(t *testing.T) {
	w := site.SaveRequest{Revision: "1", Password: password}
	tests := []struct {
		name string
		make func(context.Context, *script)
		want string
	}{
		{"Missing", func(context.Context, *script) {}, "missing"},
		{"Other", func(ctx context.Context, s *script) { _, _ = s.Read(ctx) }, "call 1"},
		{"OtherRevision", func(ctx context.Context, s *script) { w := w; w.Revision = "2"; _, _ = s.Save(ctx, w) }, "call 1"},
		{"OtherPassword", func(ctx context.Context, s *script) { w := w; w.Password = newPassword; _, _ = s.Save(ctx, w) }, "call 1"},
		{"Extra", func(ctx context.Context, s *script) {
			_, _ = s.Save(ctx, w)
			_ = s.Clear(ctx, site.ClearRequest{Revision: "1"})
		}, "extra"},
		{"Cancelled", func(ctx context.Context, s *script) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			_, _ = s.Save(ctx, w)
		}, "context"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &script{calls: []call{{ask: w}}}
			tt.make(t.Context(), s)
			if got := s.check(); len(got) != 1 || !strings.Contains(got[0], tt.want) {
				t.Errorf("got problems %q, want one that says %q", got, tt.want)
			}
		})
	}
}
