package main

// inTerraform are those in the provider.
var inTerraform = []defect{{
	name: "FailedUpdateInState", breaks: "R22 I8",
	what:  "A failed update puts what is configured into the state, and with it the write-only password.",
	file:  "internal/provider/resource_smtp_settings.go",
	old:   `resp.Diagnostics.Append(state.store(ctx, &resp.State, resp.Identity)...)`,
	new:   `resp.Diagnostics.Append(resp.State.Set(ctx, &config)...)`,
	tests: "provider", run: "TestAccSettingsErrorPath",
}, {
	name: "FailedCreateTaints", breaks: "R23",
	what:  "A failed creation leaves a state, which Terraform takes for broken and destroys.",
	file:  "internal/provider/resource_smtp_settings.go",
	old:   "		// No state: ",
	new:   "		plan.fromState(now)\n		resp.Diagnostics.Append(plan.store(ctx, &resp.State, resp.Identity)...)\n		// No state: ",
	tests: "provider", run: "TestAccSettingsFailedTest",
}, {
	name: "AnotherSiteIsRead", breaks: "R15",
	what:  "A refresh takes another site for the one that is managed.",
	file:  "internal/provider/resource_smtp_settings.go",
	old:   "	case !e.repin:",
	new:   `	case !e.repin && pinned == now.SiteID+"x":`,
	tests: "provider", run: "TestAccSettingsRepin",
}, {
	name: "PasswordDriftIgnored", breaks: "R25",
	what:  "That somebody set another password at the site does not show in the plan.",
	file:  "internal/provider/resource_smtp_settings.go",
	old:   `applied.PasswordID != now.PasswordID {`,
	new:   `applied.PasswordID == now.PasswordID+"x" {`,
	tests: "provider", run: "TestAccSettingsDrift",
}, {
	name: "ExistingMailOverwritten", breaks: "R24",
	what:  "A creation replaces the settings of a site that sends mail.",
	file:  "internal/provider/resource_smtp_settings_checks.go",
	old:   `len(differing) == 0 ||`,
	new:   `len(differing) > 0 ||`,
	tests: "provider", run: "TestAccSettingsExisting",
}, {
	name: "VerificationOfAnotherPassword", breaks: "I1",
	what:  "For a platform that keeps no verification, that of the password before is kept.",
	file:  "internal/provider/private.go",
	old:   "	fmt.Fprintf(h, \"password_id=%q\\n\", s.PasswordID)\n",
	new:   "",
	tests: "provider", run: "TestRecallsTheVerificationOfWhatPassed",
}, {
	name: "TwoResourcesForOneSite", breaks: "R5",
	what:  "Two resources may take turns in overwriting one site.",
	file:  "internal/provider/claim.go",
	old:   `if other != nil && (`,
	new:   `if false && (`,
	tests: "provider", run: "TestAccSettingsSiteKey",
}, {
	name: "RenamedResourceLeavesItsSite", breaks: "R5",
	what:  "A resource that was renamed may switch mail off while it is created under its new name.",
	file:  "internal/provider/claim.go",
	old:   `if len(c.leaving) == 0 || c.by == nil || c.applied {`,
	new:   `if true {`,
	tests: "provider", run: "TestAccSettingsRenamed",
}, {
	name: "ReplacedResourceSwitchesOff", breaks: "R5",
	what:  "A resource that was created before the one that it replaces was destroyed loses its mail.",
	file:  "internal/provider/private.go",
	old:   `return writer != "" && writer != a.Instance && writer != a.Adopted`,
	new:   `return writer == "" && writer != a.Instance`,
	tests: "provider", run: "TestAccDeposedObject/ApplyUnread",
}, {
	name: "ImportReadsNothing", breaks: "R15",
	what:  "An import that read nothing of its site is one all the same.",
	file:  "internal/provider/resource_smtp_settings.go",
	old:   `if model.imported() {`,
	new:   `if false {`,
	tests: "provider", run: "TestAccSettingsImportOfNothing",
}}
