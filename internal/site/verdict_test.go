package site_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// failure is a test that did not pass, as a site that explains nothing tells it.
func failure(status site.Status, stage site.Stage) site.TestResult {
	return site.TestResult{
		Status: status, Stage: stage, Recipient: recipient,
		Reply: &site.Reply{Code: 550, EnhancedCode: "5.7.1", Text: "no\x1b[2J AUTH PLAIN " + newPassword.Reveal()},
	}
}

// explaining is a procedure that gives each failed test this diagnosis.
func explaining(d site.Diagnosis) site.Procedure {
	return site.Procedure{Diagnose: func(site.TestResult, site.Settings) site.Diagnosis { return d }}
}

// applyFailing applies c, wants a *TestError beside what the site held before, and returns it.
func applyFailing(t *testing.T, p site.Procedure, s site.Site, c site.Change) *site.TestError {
	t.Helper()
	got, err := p.Apply(t.Context(), s, c)
	checkState(t, got, c.Prior)
	failed, ok := errors.AsType[*site.TestError](err)
	if !ok {
		t.Fatalf("got error %#v, want a *TestError", err)
	}
	return failed
}

func TestFailedTestWritesNothing(t *testing.T) {
	c := toOtherHost()
	for _, status := range []site.Status{site.Failed, site.InDoubt, "running", ""} {
		for _, stage := range stages {
			t.Run(string(status)+"/"+string(stage), func(t *testing.T) {
				result := failure(status, stage)
				failed := applyFailing(t, explaining(site.Diagnosis{ID: "x"}), play(t, call{ask: testOf(c), result: result}), c)
				result.Diagnosis = &site.Diagnosis{ID: "x"}
				if failed.Attempts != 1 || !reflect.DeepEqual(failed.Result, result) {
					t.Errorf("%d attempts, result %+v; want 1, %+v", failed.Attempts, failed.Result, result)
				}
			})
		}
	}
}

func TestSitesOwnDiagnosisIsKept(t *testing.T) {
	c := toOtherHost()
	result := failure(site.Failed, site.StageAuth)
	result.Diagnosis = &site.Diagnosis{ID: "of-the-site", Retry: site.RetryNever}
	failed := applyFailing(t, procedure(t), play(t, call{ask: testOf(c), result: result}), c)
	if failed.Result.Diagnosis != result.Diagnosis {
		t.Errorf("diagnosis %+v, want that of the site", failed.Result.Diagnosis)
	}
}

func TestUnexplainedFailureIsDiagnosed(t *testing.T) {
	c := toOtherHost()
	result := failure(site.Failed, site.StageRcpt)
	asked := 0
	p := site.Procedure{Diagnose: func(r site.TestResult, s site.Settings) site.Diagnosis {
		asked++
		if !reflect.DeepEqual(r, result) || s != c.Candidate.Settings {
			t.Errorf("got diagnosis request for %+v with %+v", r, s)
		}
		return site.Diagnosis{ID: "x"}
	}}
	applyFailing(t, p, play(t, call{ask: testOf(c), result: result}), c)
	if asked != 1 {
		t.Errorf("got %d diagnosis requests, want 1", asked)
	}
}

func TestTestErrorSaysWhatFailed(t *testing.T) {
	summary := &site.Diagnosis{Summary: "The server refuses the sender"}
	tests := []struct {
		status    site.Status
		diagnosis *site.Diagnosis
		want      string
	}{
		{site.Failed, summary, "the test failed at stage mail: The server refuses the sender"},
		{site.InDoubt, summary, "the test is in doubt at stage mail: The server refuses the sender"},
		{site.Failed, nil, "the test failed at stage mail"},
		{"running", nil, "the test failed at stage mail"},
	}
	for _, tt := range tests {
		result := failure(tt.status, site.StageMail)
		result.Diagnosis = tt.diagnosis
		if got := (&site.TestError{Result: result}).Error(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.status, got, tt.want)
		}
	}
}

// A server may echo what was sent to it, password and all, or write to the terminal of who reads the error.
func TestTestErrorHoldsNothingOfTheServers(t *testing.T) {
	result := failure(site.Failed, site.StageAuth)
	result.Error = result.Reply.Text
	for _, reply := range []*site.Reply{result.Reply, nil} {
		result.Reply = reply
		text := (&site.TestError{Result: result}).Error()
		if strings.Contains(text, newPassword.Reveal()) || strings.Contains(text, "\x1b") {
			t.Errorf("the error shows the password or control characters: %q", text)
		}
	}
}
