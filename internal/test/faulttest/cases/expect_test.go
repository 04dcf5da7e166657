package cases_test

import (
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/sitemail/terraform-provider-smtp/internal/test/faulttest"
)

type diagnostic = tfprotov6.Diagnostic

// effect is how a struck response appears to the client.
type effect int

const (
	harmless effect = iota
	// lost: no complete response. broken: a 5xx that does not tell what was done.
	lost
	broken
	// declined: 429 or 503. dismissed: the same with a longer Retry-After than the client accepts.
	declined
	dismissed
	// refused: another 4xx, or a redirect.
	refused
	// malformed: a success with an invalid body.
	malformed
	// strange: a response of a different site or version.
	strange
)

var effects = map[string]effect{
	"Latency": harmless, "Slow": lost, "Cut": lost, "Reset": lost, "SlowClose": malformed, "HangBeforeHeaders": lost, "HangInHeaders": lost,
	"HangInBody": lost, "TLS": lost, "Unauthorized": refused, "NotFound": refused, "InternalError": broken, "BadGateway": broken,
	"RetryAfterADay": dismissed, "RetryAfterGarbage": declined, "Redirect": refused, "RedirectWithBody": refused, "Garbage": lost,
	"Truncated": lost, "Huge": malformed, "GzipBomb": malformed, "DuplicateKeys": malformed, "HTML": malformed, "WrongSite": strange,
	"WrongVersion": strange,
}

// The summaries of errors, which are static.
const (
	unreachable = "Site cannot be reached"
	noAnswer    = "Site did not confirm the request"
	unexpected  = "Site answered in an unexpected way"
	fewerCalls  = "Site limits requests"
	noLogin     = "Site does not accept the credentials"
	wrongSite   = "Another site answers"
	version     = "Site cannot do this"
)

// expectation is the expected result of a run with a fault.
type expectation struct {
	// summary is that of its error; empty for success.
	summary string
	// tests is how many messages it sends.
	tests int
	// within bounds its time.
	within time.Duration
}

// expect returns the expectation for a case, by the retry table of RELIABILITY.md.
func (c httpCase) expect() expectation {
	e := expectation{within: 30 * time.Second}
	if slices.Contains([]string{"Latency", "Slow", "SlowClose", "HangBeforeHeaders", "HangInHeaders", "HangInBody"}, c.fault.Name) ||
		effects[c.fault.Name] == declined || effects[c.fault.Name] == dismissed {
		e.within = 10 * time.Minute
	}
	if c.call.slow {
		e.within += time.Minute
	}
	e.summary = c.summary()
	switch c.call.name {
	case "PollTest", "PutSMTP":
		e.tests = 1
	case "PutTest":
		if e.summary == "" || c.carriedOut() {
			e.tests = 1
		}
	case "DeleteSMTP":
	default:
		if e.summary == "" {
			e.tests = 1
		}
	}
	return e
}

func (c httpCase) effect() effect {
	e := effects[c.fault.Name]
	if c.fault.Name == "Garbage" && c.position == faulttest.Within {
		return malformed
	}
	return e
}

// carriedOut reports whether the site carried out the struck request.
func (c httpCase) carriedOut() bool {
	return c.position != faulttest.Before || c.effect() == harmless || c.fault.Name == "Slow"
}

// summary returns the summary of the error, or "" if the run recovers from the fault.
func (c httpCase) summary() string {
	switch c.call.name {
	case "RefreshGET", "PlanGET":
		return c.read()
	case "CreateGET":
		return c.readAgain()
	case "PollTest":
		return c.poll()
	case "PostSession":
		return c.session()
	}
	return c.write()
}

// read returns the summary for a request that changes nothing and is retried.
func (c httpCase) read() string {
	e := c.effect()
	switch {
	case e == harmless, !c.lasts && (e == lost || e == broken || e == declined):
		return ""
	case e == strange:
		return map[string]string{"WrongSite": wrongSite, "WrongVersion": version}[c.fault.Name]
	case e == malformed:
		return unexpected
	case e == lost:
		return unreachable
	}
	return c.said()
}

// said is the summary of an answer with an error's status.
func (c httpCase) said() string {
	return map[string]string{
		"Unauthorized": noLogin, "BadGateway": unreachable, "RetryAfterADay": unreachable, "RetryAfterGarbage": fewerCalls,
	}[c.fault.Name] + map[string]string{
		"NotFound": unexpected, "InternalError": unexpected, "Redirect": unexpected, "RedirectWithBody": unexpected,
	}[c.fault.Name]
}

// readAgain returns the summary for the read in the plan of a creation, whose failure is not an error: the apply reads again.
func (c httpCase) readAgain() string {
	if !c.lasts && c.fault.Name != "WrongSite" {
		return ""
	}
	return c.read()
}

func (c httpCase) poll() string {
	if c.effect() == strange || c.read() != "" {
		return noAnswer
	}
	return ""
}

// write returns the summary for a request that is retried only after the site was asked whether it was carried out.
func (c httpCase) write() string {
	switch c.effect() {
	case harmless:
		return ""
	case lost, broken, malformed, strange:
		// After the TLS alert, no trusted site can be asked.
		if !c.lasts || c.carriedOut() && c.fault.Name != "TLS" {
			return ""
		}
		return noAnswer
	case declined:
		// The code of what was repeated although it was carried out is in the answer.
		if !c.lasts || c.call.name == "DeleteSMTP" && c.position == faulttest.Within {
			return ""
		}
	}
	return c.said()
}

func (c httpCase) session() string {
	e := c.effect()
	switch {
	case e == harmless, !c.lasts && (e == lost || e == declined):
		return ""
	case e == lost:
		return unreachable
	case e == malformed:
		return unexpected
	case c.fault.Name == "NotFound":
		return noLogin
	case c.fault.Name == "WrongSite":
		if !c.lasts {
			return ""
		}
		return noLogin
	case e == strange:
		return unexpected
	}
	return c.said()
}

// check compares a run with the expectation: its result, its duration, and whether its error names the site.
func (e expectation) check(w *testbed, got run, took time.Duration) {
	w.t.Helper()
	if took > e.within {
		w.t.Errorf("the run took %s", took)
	}
	if e.summary == "" {
		if got.failed() {
			w.t.Errorf("the run failed: %s", told(got.errors))
		}
		return
	}
	if !got.failed() {
		w.t.Errorf("the run succeeded, want %q", e.summary)
	}
	for _, d := range got.errors {
		if d.Summary != e.summary {
			w.t.Errorf("got %q, want %q: %s", d.Summary, e.summary, d.Detail)
		}
		if !strings.Contains(d.Detail, siteKey) && !strings.Contains(d.Detail, otherKey) {
			w.t.Errorf("the error does not name the site: %s: %s", d.Summary, d.Detail)
		}
	}
}
