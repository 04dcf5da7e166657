package main

// inProcedure are defects in the procedure: test, save, enable.
var inProcedure = []defect{{
	name: "EnabledBeforeTest", breaks: "I1 I7",
	what: "The candidate is saved with mail on, and tested only afterwards.",
	file: "internal/site/run.go",
	old: `	result, err := r.repeat(ctx, r.Candidate.Settings, test, nil)
`,
	new: `	if err := r.save(ctx, true); err != nil {
		return err
	}
	result, err := r.repeat(ctx, r.Candidate.Settings, test, nil)
`,
	tests: "site", run: "TestFailedTestWritesNothing",
}, {
	name: "EnabledForTest", breaks: "I1 I7",
	what:  "On a platform that can test saved settings while mail is off, mail is on during the test.",
	file:  "internal/site/saved.go",
	old:   `mailOn := r.can.Testing == TestsEnabled`,
	new:   `mailOn := true`,
	tests: "site", run: "TestOrders",
}, {
	name: "InDoubtIsAPass", breaks: "R37 I2",
	what:  "A test with an unknown result counts as passed.",
	file:  "internal/site/retry.go",
	old:   `if err != nil || result.Status == Passed {`,
	new:   `if err != nil || result.Status != Failed {`,
	tests: "site", run: "TestFailedTestWritesNothing|TestTestIsNotRepeated",
}, {
	name: "RefusedLoginRepeated", breaks: "R38",
	what:  "A test is retried whatever the reason of its failure, until the server locks the account.",
	file:  "internal/site/retry.go",
	old:   `return r.Status == Failed && (r.Diagnosis.Retry == RetryShort || r.Diagnosis.Retry == RetryLong)`,
	new:   `return r.Status == Failed`,
	tests: "site", run: "TestTestIsNotRepeated|TestRepeatingEndsWithAFailureThatCannotHeal",
}, {
	name: "StaleOverwritten", breaks: "R5 I4",
	what: "A stale write is retried over what someone else wrote.",
	file: "internal/site/run.go",
	old:  "	saved, err := r.site.Save(ctx, w)\n",
	new: `	saved, err := r.site.Save(ctx, w)
	if KindOf(err) == Stale {
		now, _ := r.site.Read(ctx)
		w.Revision = now.Revision
		saved, err = r.site.Save(ctx, w)
	}
`,
	tests: "site", run: "TestStale|TestApplyEndsAtARefusal",
}, {
	name: "UnguardedWrite", breaks: "R5 I4",
	what:  "A site without revisions is not read again before a write.",
	file:  "internal/site/stale.go",
	old:   `if can.Unguarded && ctx.Err() == nil {`,
	new:   `if can.Unguarded && ctx.Err() != nil {`,
	tests: "site", run: "TestUnguardedSite",
}, {
	name: "SettlingCancelled", breaks: "R20 I1",
	what:  "Ctrl-C also interrupts the step that switches untested mail off.",
	file:  "internal/site/settle.go",
	old:   `context.WithTimeout(context.WithoutCancel(ctx), settleTime)`,
	new:   `context.WithTimeout(ctx, settleTime)`,
	tests: "site", run: "TestSettlingOutlivesACancellation",
}, {
	name: "DestroyOfAnotherSite", breaks: "R15 I5",
	what:  "A destroy switches mail off at whatever site answers, even if it is not the managed one.",
	file:  "internal/site/stale.go",
	old:   `if err == nil && prior.SiteID != "" && now.SiteID != prior.SiteID {`,
	new:   `if err == nil && prior.SiteID == "" && now.SiteID != prior.SiteID {`,
	tests: "site", run: "TestDestroyLeavesAnotherSiteAlone",
}, {
	name: "AdoptsElsewhere", breaks: "I5",
	what:  "A plugin's password is adopted for a different mail server from the one that the plugin uses.",
	file:  "internal/site/adopt.go",
	old:   `if len(differing) == 0 {`,
	new:   `if len(differing) >= 0 {`,
	tests: "site", run: "TestApplyRefusesToAdopt",
}, {
	name: "DisableClears", breaks: "R8",
	what: `on_destroy = "disable" deletes the settings.`,
	file: "internal/site/destroy.go",
	old:  `return p.disable(ctx, s, prior)`,
	new:  `return p.clearSettings(ctx, s, can, prior)`, tests: "site", run: "TestDestroyDisable",
}, {
	name: "TestOnEveryApply", breaks: "I9",
	what:  "An apply without changes sends a test message.",
	file:  "internal/site/apply.go",
	old:   `due := c.affectsDelivery() || !c.Prior.Enabled || !c.Prior.Verification.Meets(c.Require)`,
	new:   `due := c.Enabled`,
	tests: "site", run: "TestApplyWithoutNewsCallsNothing|TestSteps",
}}
