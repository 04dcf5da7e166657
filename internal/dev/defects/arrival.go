package main

// inArrival are those of a test that looks into the inbox.
var inArrival = []defect{{
	name: "JunkCountsAsDelivered", breaks: "R61",
	what:  "A message in the folder for spam is one that was delivered.",
	file:  "internal/site/arrival.go",
	old:   `case a.Place == PlaceJunk:`,
	new:   `case a.Place == "" && r == Delivered:`,
	tests: "site", run: "TestShortfall|TestLooksIntoTheInbox",
}, {
	name: "SilenceCountsAsFailure", breaks: "R62",
	what:  "A receiver that checks nothing is one that found nothing in order.",
	file:  "internal/site/arrival.go",
	old:   `case silent(a.DMARC) || silent(a.SPF) || silent(a.DKIM):`,
	new:   `case silent(a.DMARC) && silent(a.SPF) && silent(a.DKIM) && a.Place == "":`,
	tests: "site", run: "TestShortfall",
}, {
	name: "LookLeftOut", breaks: "R61",
	what:  "What is accepted is saved, whatever becomes of it.",
	file:  "internal/site/arrival.go",
	old:   `return r.look(ctx, watch, result, wait)`,
	new:   `return result, nil`,
	tests: "site", run: "TestLooksIntoTheInbox",
}, {
	name: "ArrivalNotRequiredAgain", breaks: "R61",
	what:  "A stronger requirement makes no test due.",
	file:  "internal/site/test.go",
	old:   `return v != nil && (!r.Looks() || v.Arrival != nil && v.Arrival.Shortfall(r) == "")`,
	new:   `return v != nil`,
	tests: "site", run: "TestRequirementDecidesWhetherATestIsDue",
}, {
	name: "ForgedResultCounts", breaks: "R62",
	what:  "What a message says about its own sender is believed, whoever wrote it.",
	file:  "internal/mail/inbox/authres.go",
	old:   `if !isReceiver(name, receiver) {`,
	new:   `if name == "" {`,
	tests: "mail/inbox", run: "TestAuthenticate",
}, {
	name: "LowestResultCounts", breaks: "R62",
	what:  "A result that came with the message stands above the receiver's own.",
	file:  "internal/mail/inbox/authres.go",
	old:   `if _, said := of[method]; !said {`,
	new:   `if found != nil {`,
	tests: "mail/inbox", run: "TestAuthenticate",
}, {
	name: "AnyMessageOfTheSender", breaks: "R61",
	what:  "Two tests that send from and to the same addresses take one message for that of both.",
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
	what:  "Each site tries the wrong password of the inbox again, and locks it.",
	file:  "internal/mail/inbox/inbox.go",
	old:   `ok && e.Shortfall == site.InboxLogin {`,
	new:   `ok && e.Shortfall == site.InboxLimit {`,
	tests: "mail/inbox", run: "TestRefusedLoginIsNotRepeated",
}, {
	name: "UnknownCountsAsMissing", breaks: "R64",
	what: "A DKIM selector that only the account knows is one that is missing.",
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
	what: "A domain that excludes a service lets it send.",
	file: "internal/mail/sender/spf.go",
	old: `	if !m.passes {
		w.senders = before`,
	new: `	if m.name == "" {
		w.senders = before`,
	tests: "mail/sender", run: "TestSPF",
}, {
	name: "EndlessSPF", breaks: "R64",
	what:  "An SPF record may take any number of lookups.",
	file:  "internal/mail/sender/spf.go",
	old:   `if w.lookups > MostLookups {`,
	new:   `if w.lookups > 1000 {`,
	tests: "mail/sender", run: "TestSPF",
}, {
	name: "SilentDNSCountsAsMissing", breaks: "R64",
	what:  "A name server that does not answer is a domain without records.",
	file:  "internal/mail/sender/dns.go",
	old:   `	case isDNS && failed.IsNotFound:`,
	new:   `	case isDNS:`,
	tests: "mail/sender", run: "TestBadWeather",
}}
