package main

// inArrival are defects in tests that look into the inbox.
var inArrival = []defect{{
	name: "JunkCountsAsDelivered", breaks: "R61",
	what:  "A message in the spam folder counts as delivered.",
	file:  "internal/site/arrival.go",
	old:   `case a.Place == PlaceJunk:`,
	new:   `case a.Place == "" && r == Delivered:`,
	tests: "site", run: "TestShortfall|TestLooksIntoTheInbox",
}, {
	name: "SilenceCountsAsFailure", breaks: "R62",
	what:  "A receiver that checks nothing counts as one that rejected the sender.",
	file:  "internal/site/arrival.go",
	old:   `case silent(a.DMARC) || silent(a.SPF) || silent(a.DKIM):`,
	new:   `case silent(a.DMARC) && silent(a.SPF) && silent(a.DKIM) && a.Place == "":`,
	tests: "site", run: "TestShortfall",
}, {
	name: "LookLeftOut", breaks: "R61",
	what:  "Settings are saved once a message is accepted, even if it does not arrive.",
	file:  "internal/site/arrival.go",
	old:   `return r.look(ctx, watch, result, wait)`,
	new:   `return result, nil`,
	tests: "site", run: "TestLooksIntoTheInbox",
}, {
	name: "ArrivalNotRequiredAgain", breaks: "R61",
	what:  "Raising the requirement does not cause a new test.",
	file:  "internal/site/test.go",
	old:   `return v != nil && (!r.Looks() || v.Arrival != nil && v.Arrival.Shortfall(r) == "")`,
	new:   `return v != nil`,
	tests: "site", run: "TestRequirementDecidesWhetherATestIsDue",
}, {
	name: "ForgedResultCounts", breaks: "R62",
	what:  "Authentication-Results in a message are trusted, even if the sender wrote them.",
	file:  "internal/mail/inbox/authres.go",
	old:   `if !isReceiver(name, receiver) {`,
	new:   `if name == "" {`,
	tests: "mail/inbox", run: "TestAuthenticate",
}, {
	name: "LowestResultCounts", breaks: "R62",
	what:  "A result that came with the message takes precedence over the receiver's own.",
	file:  "internal/mail/inbox/authres.go",
	old:   `if _, said := of[method]; !said {`,
	new:   `if found != nil {`,
	tests: "mail/inbox", run: "TestAuthenticate",
}, {
	name: "AnyMessageOfTheSender", breaks: "R61",
	what:  "Two tests with the same sender and recipient both accept the same message.",
	file:  "internal/mail/inbox/message.go",
	old:   `if len(exact) == 0 && len(ids) == 1 && !w.shared {`,
	new:   `if len(exact) == 0 && len(ids) > 0 {`,
	tests: "mail/inbox", run: "TestSendersAloneDoNotTellTestsApart|TestDoesNotTakeOtherMessages",
}, {
	name: "InboxOpenedForWriting", breaks: "R63",
	what:  "Looking into the inbox marks its messages as read.",
	file:  "internal/mail/inbox/folder.go",
	old:   `			Peek:         true,`,
	new:   `			Peek:         false,`,
	tests: "mail/inbox", run: "TestRecognises",
}, {
	name: "RefusedInboxLoginRepeated", breaks: "R63",
	what:  "Every site retries the inbox's wrong password, which locks the mailbox.",
	file:  "internal/mail/inbox/inbox.go",
	old:   `ok && e.Shortfall == site.InboxLogin {`,
	new:   `ok && e.Shortfall == site.InboxLimit {`,
	tests: "mail/inbox", run: "TestRefusedLoginIsNotRepeated",
}, {
	name: "UnknownCountsAsMissing", breaks: "R64",
	what: "A DKIM selector that depends on the account counts as missing.",
	file: "internal/mail/sender/dkim.go",
	old: `		return Unknown
	}
	coverage := Missing`,
	new: `		return Missing
	}
	coverage := Missing`,
	tests: "mail/sender", run: "TestVerdict",
}, {
	name: "AnySPFTermPasses", breaks: "R64",
	what: "A domain whose SPF record excludes a service counts as allowing it.",
	file: "internal/mail/sender/spf.go",
	old: `	if !m.passes {
		w.senders = before`,
	new: `	if m.name == "" {
		w.senders = before`,
	tests: "mail/sender", run: "TestSPF",
}, {
	name: "EndlessSPF", breaks: "R64",
	what:  "An SPF record may need any number of lookups.",
	file:  "internal/mail/sender/spf.go",
	old:   `if w.lookups > MostLookups {`,
	new:   `if w.lookups > 1000 {`,
	tests: "mail/sender", run: "TestSPF",
}, {
	name: "NearestPolicyApplies", breaks: "R64",
	what:  "A subdomain takes the DMARC policy of the nearest name that has one, not that of the organization.",
	file:  "internal/mail/sender/dmarc.go",
	old:   `case at == domain || record.psd != "":`,
	new:   `case true:`,
	tests: "mail/sender", run: "TestVerdict",
}, {
	name: "SilentDNSCountsAsMissing", breaks: "R64",
	what:  "If the name server does not answer, the domain counts as having no records.",
	file:  "internal/mail/sender/dns.go",
	old:   `	case isDNS && failed.IsNotFound:`,
	new:   `	case isDNS:`,
	tests: "mail/sender", run: "TestBadWeather",
}}
