package page

import (
	"slices"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// outcome is a test as the page shows it.
type outcome struct {
	core.PastTest
	// Verdict is passed, failed, in doubt or running.
	Verdict string
	// Mistyped is true if it tested the saved settings with a different password from the saved one.
	Mistyped bool
	Stages   []passage
}

// passage is a stage of a test, as the page shows it.
type passage struct {
	Name string
	// State is passed, failed or ahead.
	State string
	Took  time.Duration
}

// isMistyped reports whether t tested the saved settings with a different password from the saved one.
func isMistyped(t core.PastTest, o core.Overview) bool {
	return !t.OfSaved && t.Settings == o.Settings && t.Settings.Username != "" && !o.PasswordSetAt.After(t.StartedAt)
}

func outcomeOf(t core.PastTest, now core.Overview) outcome {
	o := outcome{PastTest: t, Stages: passages(t), Mistyped: isMistyped(t, now)}
	switch {
	case t.Running:
		o.Verdict = "running"
	case t.Status == site.InDoubt:
		o.Verdict = "in doubt"
	default:
		o.Verdict = string(t.Status)
	}
	return o
}

// way is a stage on the page and the stages of a test that it combines.
type way struct {
	name   string
	stages []site.Stage
}

// ways returns the stages of a test with these settings, in order.
func ways(s site.Settings) []way {
	var all []way
	if s.Grant != "" {
		all = append(all, way{"token", []site.Stage{site.StageToken}})
	}
	dns, connect := way{"dns", []site.Stage{site.StageDNS}}, way{"connect", []site.Stage{site.StageConnect}}
	greeting := []site.Stage{site.StageBanner, site.StageEHLO}
	switch s.Encryption {
	case site.STARTTLS:
		all = append(all, dns, connect, way{"tls", append(greeting, site.StageSTARTTLS, site.StageTLS)})
	case site.TLS:
		all = append(all, dns, connect, way{"tls", append([]site.Stage{site.StageTLS}, greeting...)})
	default:
		connect.stages = append(connect.stages, greeting...)
		all = append(all, dns, connect)
	}
	if s.Username != "" {
		all = append(all, way{"login", []site.Stage{site.StageAuth}})
	}
	return append(all,
		way{"sender", []site.Stage{site.StageMail}},
		way{"recipient", []site.Stage{site.StageRcpt}},
		way{"accepted", []site.Stage{site.StageData}},
	)
}

// passages returns the stages of a test with their states. Stages after the one that failed were not reached.
func passages(t core.PastTest) []passage {
	if t.Stage == "" {
		return nil
	}
	var all []passage
	over := false
	for _, w := range ways(t.Settings) {
		p := passage{Name: w.name, State: "passed"}
		for _, s := range t.Stages {
			if slices.Contains(w.stages, s.Stage) {
				p.Took += s.Duration
			}
		}
		switch {
		case over:
			p.State = "ahead"
		case t.Status != site.Passed && slices.Contains(w.stages, t.Stage):
			p.State, over = "failed", true
		}
		all = append(all, p)
	}
	return all
}
