package main

// inClient are those in what speaks with a site's admin API.
var inClient = []defect{{
	name: "IfMatchDropped", breaks: "R5 I4", starred: true,
	what:  "A write does not say which revision it is made over.",
	file:  "internal/platform/siteadmin/siteadmin.go",
	old:   "Header: ifMatch(s.Revision),",
	new:   "Header: nil,",
	tests: "platform/siteadmin", run: "TestRequests",
}, {
	name: "TestSentAgain", breaks: "R10 R11 I3", starred: true,
	what:  "After a 502 a test is sent again, without asking what became of it.",
	file:  "internal/platform/siteadmin/test.go",
	old:   `adminapi.IfUndone`,
	new:   `adminapi.Always`,
	tests: "platform/siteadmin", run: "TestRetryTable",
}, {
	name: "NewKeyForALostAnswer", breaks: "R10 I3", starred: true,
	what: "A test whose answer was lost is sent once more under another key.",
	file: "internal/platform/siteadmin/test.go",
	old:  "		return site.TestResult{}, sentError(err, request.holds())\n",
	new: `		if e, ok := errors.AsType[*adminapi.Error](err); ok && e.Undecided() && ctx.Err() == nil {
			return c.Test(ctx, t)
		}
		return site.TestResult{}, sentError(err, request.holds())
`,
	tests: "platform/siteadmin", run: "TestRetryTable",
}, {
	name: "WriteSentAgain", breaks: "R10 I10", starred: true,
	what:  "A write whose answer was lost is sent again, although it was made.",
	file:  "internal/platform/siteadmin/siteadmin.go",
	old:   `return found.LastWriteID == write.WriteID, err`,
	new:   `return false, err`,
	tests: "platform/siteadmin", run: "TestRetryTable",
}, {
	name: "PinNotCompared", breaks: "R15 I5", starred: true,
	what:  "The mail password is sent to a site that was read and is not the pinned one.",
	file:  "internal/platform/siteadmin/siteadmin.go",
	old:   `case found != nil && siteID != "" && *found != siteID:`,
	new:   `case found != nil && siteID != "" && *found == "":`,
	tests: "platform/siteadmin", run: "TestNothingIsSentToAnotherSite",
}, {
	name: "NewerVersionAccepted", breaks: "R27",
	what:  "A site of a newer version of the contract is written to.",
	file:  "internal/platform/siteadmin/wire.go",
	old:   `case w.APIVersion > apiVersion:`,
	new:   `case w.APIVersion > apiVersion && w.SiteID != "":`,
	tests: "platform/siteadmin", run: "TestNothingIsSentToASiteThatIsNotRecognised|TestRead",
}, {
	name: "RedirectFollowed", breaks: "R9", starred: true,
	what:  "A redirect is followed, with credentials and body.",
	file:  "internal/adminapi/client.go",
	old:   `{ return http.ErrUseLastResponse }`,
	new:   `{ return nil }`,
	tests: "adminapi", run: "TestRedirectsNameBothOrigins",
}, {
	name: "NoTimeout", breaks: "R13", starred: true,
	what:  "A site that stays silent holds the run up forever.",
	file:  "internal/adminapi/attempt.go",
	old:   `context.WithTimeoutCause(req.Context(), timeout, errTimeout)`,
	new:   `context.WithCancel(req.Context())`,
	tests: "adminapi", run: "TestRequestTimeoutBoundsEachAttempt",
}, {
	name: "EndlessAnswer", breaks: "R14",
	what:  "An answer is read to its end, however long it is.",
	file:  "internal/adminapi/attempt.go",
	old:   `io.ReadAll(io.LimitReader(resp.Body, maxResponseBytes+1))`,
	new:   `io.ReadAll(resp.Body)`,
	tests: "adminapi", run: "TestATooLargeAnswerIsNotReadOn",
}, {
	name: "RetryAfterObeyed", breaks: "R12",
	what:  "A site that asks to wait for a day is obeyed.",
	file:  "internal/adminapi/repeat.go",
	old:   `case e.RetryAfter > maxRetryAfter:`,
	new:   `case e.RetryAfter > longestRetryAfter:`,
	tests: "adminapi", run: "TestALongRetryAfterIsNotWaitedFor",
}, {
	name: "RestOfAnOriginObeyed", breaks: "R12",
	what:  "A site that asks its whole origin to rest for a day is obeyed.",
	file:  "internal/adminapi/limit.go",
	old:   `case quiet > maxRetryAfter:`,
	new:   `case quiet > longestRetryAfter:`,
	tests: "adminapi", run: "TestALongRestOfAnOriginIsToldToItsOtherSites",
}, {
	name: "CallWithoutEnd", breaks: "R12",
	what:  "A call whose caller has no deadline waits for as long as others make its origin rest.",
	file:  "internal/adminapi/client.go",
	old:   `return context.WithTimeout(ctx, time.Duration(l.MaxRetries+1)*(l.RequestTimeout+maxRetryAfter))`,
	new:   `return context.WithCancel(ctx)`,
	tests: "adminapi", run: "TestACallWithoutADeadlineEnds",
}, {
	name: "LoginForEachCall", breaks: "R19",
	what:  "Calls at the same time log in each for itself.",
	file:  "internal/adminapi/session.go",
	old:   `semaphore.NewWeighted(1)`,
	new:   `semaphore.NewWeighted(100)`,
	tests: "adminapi", run: "TestConcurrentCallsShareOneLogin",
}, {
	name: "RefusedLoginTriedAgain", breaks: "R38",
	what:  "A login that the site refused is tried again by the next call.",
	file:  "internal/adminapi/session.go",
	old:   `s.refused = err`,
	new:   `s.refused = nil`,
	tests: "adminapi", run: "TestARefusedLoginIsNotRepeated",
}, {
	name: "PlainHTTPAccepted", breaks: "R16",
	what:  "Credentials go out over http to any host.",
	file:  "internal/adminapi/config.go",
	old:   `case u.Scheme == "http" && !isLoopback(u.Hostname()):`,
	new:   `case u.Scheme == "http" && u.Hostname() == "":`,
	tests: "adminapi", run: "TestURL",
}, {
	name: "SecretOfTheSiteEchoed", breaks: "R28 I8", starred: true,
	what:  "An error of the site that repeats the mail password is shown as it came.",
	file:  "internal/adminapi/secrets.go",
	old:   `return r.Line(v)`,
	new:   `return v`,
	tests: "adminapi", run: "TestErrorsDoNotRepeatSecrets",
}, {
	name: "SecretOfASuccessEchoed", breaks: "R28 I8", starred: true,
	what: "A success that repeats the mail password is taken as it came.",
	file: "internal/adminapi/answer.go",
	old: `	secrets.clean(k.out)
`,
	new:   ``,
	tests: "adminapi", run: "TestSuccessesRepeatNoSecret",
}, {
	name: "FirewallTakenForTheSite", breaks: "R14",
	what:  "The page of a firewall is taken for the site's refusal of the credentials.",
	file:  "internal/adminapi/front.go",
	old:   `if !page && !staging {`,
	new:   `if page || !staging {`,
	tests: "adminapi", run: "TestAnswersInFrontOfASite",
}}
