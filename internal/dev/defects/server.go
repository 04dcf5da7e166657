package main

// inServer are defects in the reference site.
var inServer = []defect{{
	name: "StaleRevisionIgnored", breaks: "R5 I4",
	what:  "A write based on an old revision is accepted.",
	file:  "internal/refsite/core/write.go",
	old:   `if read == revision(rec) {`,
	new:   `if read != "" {`,
	tests: "refsite", run: "TestRevisions|TestR5ConcurrentEditors",
}, {
	name: "PasswordTravelsToAnotherHost", breaks: "R1 I5",
	what:  "The stored password is kept when the host changes.",
	file:  "internal/refsite/core/write.go",
	old:   `changed := rec.Settings.Diff(w.Settings); len(changed) > 0 {`,
	new:   `changed := rec.Settings.Diff(w.Settings); len(changed) > 0 && changed[0] != "host" {`,
	tests: "refsite", run: "TestPasswordRule",
}, {
	name: "PasswordTravelsWithAForgottenField", breaks: "R2 I5",
	what:  "The stored password is kept when only helo_name, a newer setting, changes.",
	file:  "internal/refsite/core/write.go",
	old:   `changed := rec.Settings.Diff(w.Settings); len(changed) > 0 {`,
	new:   `changed := rec.Settings.Diff(w.Settings); len(changed) > 0 && changed[0] != "helo_name" {`,
	tests: "refsite", run: "TestPasswordRule",
}, {
	name: "MaskAccepted", breaks: "R3",
	what:  "The dots that a browser shows for a password are saved as the password.",
	file:  "internal/refsite/core/check.go",
	old:   `"*•●"`,
	new:   `"*"`,
	tests: "refsite", run: "TestR3Masks",
}, {
	name: "AddedSettingLosesThePassword", breaks: "I1",
	what:  "A setting that did not exist when a data file was written invalidates what was sealed and signed in it.",
	file:  "internal/site/settings.go",
	old:   `if allSettings[i].Since == "" || f.IsSet() {`,
	new:   `if allSettings[i].Name != "" {`,
	tests: "refsite", run: "TestDataFileOfEveryRelease",
}, {
	name: "FieldNotInFingerprint", breaks: "R4 I1",
	what:  "A pass counts although from_name has been changed in the data file since.",
	file:  "internal/refsite/core/fingerprint.go",
	old:   `parts = append(parts, f.Name, fmt.Sprint(f.Value))`,
	new:   "if f.Name != \"from_name\" {\n\t\t\tparts = append(parts, f.Name, fmt.Sprint(f.Value))\n\t\t}",
	tests: "refsite/core", run: "TestFingerprint",
}, {
	name: "PassOutlivesThePassword", breaks: "R4 I1",
	what:  "A pass counts although the password has changed since.",
	file:  "internal/refsite/core/fingerprint.go",
	old:   `return append(parts, c.Password.Reveal())`,
	new:   `return parts`,
	tests: "refsite", run: "TestEnabledImpliesVerified",
}, {
	name: "PassOfAnotherSite", breaks: "R4 R6 I1",
	what:  "The fingerprint of a pass does not include the site.",
	file:  "internal/refsite/core/fingerprint.go",
	old:   `parts := []string{purpose, s.id}`,
	new:   `parts := []string{purpose, ""}`,
	tests: "refsite/core", run: "TestFingerprint",
}, {
	name: "PassExpired", breaks: "R4",
	what:  "A pass enables mail weeks later.",
	file:  "internal/refsite/core/write.go",
	old:   `<= s.core.PassAge`,
	new:   `<= 1000*s.core.PassAge`,
	tests: "refsite", run: "TestEnabledImpliesVerified",
}, {
	name: "FailureIsAPass", breaks: "R4 I1 I2",
	what:  "A failed test enables mail too.",
	file:  "internal/refsite/core/run.go",
	old:   `if result.Status == site.Passed {`,
	new:   `if result.Status != site.InDoubt {`,
	tests: "refsite", run: "TestEnabledImpliesVerified|TestForgedPass",
}, {
	name: "EditedFileStaysOn", breaks: "R6 I1",
	what:  "A record that was switched on by editing the data file sends mail.",
	file:  "internal/refsite/core/inspect.go",
	old:   "		rec.Enabled = false\n",
	new:   "",
	tests: "refsite", run: "TestEditedDataFile",
}, {
	name: "AnotherSiteIsServed", breaks: "R15 I5",
	what:  "A request that names another site is carried out.",
	file:  "internal/refsite/core/check.go",
	old:   `if id == "" || id == s.id {`,
	new:   `if id == "" || id != "" {`,
	tests: "refsite", run: "TestAnotherSite",
}, {
	name: "AnotherSiteIsCleared", breaks: "R15 I5",
	what:  "A request to clear that names another site is carried out.",
	file:  "internal/refsite/core/write.go",
	old:   "	if err := s.checkSiteID(siteID); err != nil {",
	new:   `	if err := s.checkSiteID(""); err != nil {`,
	tests: "refsite", run: "TestAnotherSite",
}, {
	name: "InterruptedTestSentAgain", breaks: "R21 I3",
	what: "A test that was interrupted by a crash is sent again when its request is retried.",
	file: "internal/refsite/core/run.go",
	old:  "		return r, nil\n	}\n	return ended, nil",
	new: `		return r, nil
	}
	if known.Result == nil {
		return s.start(key, t)
	}
	return ended, nil`,
	tests: "refsite/cmd/refsite", run: "TestR39KilledWhileTesting/data",
}, {
	name: "PanicTellsWhatItHolds", breaks: "R29 I8",
	what:  "The log shows the value of a panic, which may hold the password.",
	file:  "internal/refsite/core/run.go",
	old:   `"type", fmt.Sprintf("%T", cause)`,
	new:   `"cause", fmt.Sprintf("%+v", cause)`,
	tests: "refsite/core", run: "TestPanicWhileSending",
}, {
	name: "NoRateLimit", breaks: "R33",
	what:  "A site sends any number of test messages.",
	file:  "internal/refsite/core/run.go",
	old:   `if wait == 0 {`,
	new:   `if wait >= 0 {`,
	tests: "refsite", run: "TestR33RateLimit",
}, {
	name: "FailedCommitIsASuccess", breaks: "R40 I6",
	what:  "A commit that the disk failed to store is reported as successful.",
	file:  "internal/refsite/store/store.go",
	old:   "	if failed != nil {\n		return failed\n",
	new:   "	if failed != nil || err != nil {\n		return failed\n",
	tests: "refsite", run: "TestFullDisk",
}, {
	name: "HalfAChangeIsKept", breaks: "R39 I6",
	what:  "What a failed change wrote before it failed is stored.",
	file:  "internal/refsite/store/store.go",
	old:   "		return failed\n	})",
	new:   "		return nil\n	})",
	tests: "refsite/store", run: "TestUpdate",
}, {
	name: "AttemptsCountedAfterHashing", breaks: "R42",
	what: "Concurrent guesses are all hashed before the first one is counted.",
	file: "internal/refsite/access/access.go",
	old: `	forget, err := g.count(siteID, from, username)
	if err != nil {
		return Session{}, err
	}
	login, err := g.login(siteID, username)
	if err != nil {
		return Session{}, err
	}
	ok, err := g.hasher.matches(ctx, login, password)
	if err != nil {
		return Session{}, err
	}
`,
	new: `	login, err := g.login(siteID, username)
	if err != nil {
		return Session{}, err
	}
	ok, err := g.hasher.matches(ctx, login, password)
	if err != nil {
		return Session{}, err
	}
	forget, err := g.count(siteID, from, username)
	if err != nil {
		return Session{}, err
	}
`,
	tests: "refsite/access", run: "TestR42AttemptsCountBeforeTheyAreHashed",
}, {
	name: "FormsOfOtherSitesAccepted", breaks: "R41",
	what:  "A page of another site can submit the admin page's forms.",
	file:  "internal/refsite/page/page.go",
	old:   `return p.surround(sameOrigin.Handler(mux))`,
	new:   `return p.surround(mux)`,
	tests: "refsite/page", run: "TestR41FormsOfOtherSitesAreRefused",
}, {
	name: "SessionPlanted", breaks: "R44",
	what:  "A login does not end the visitor's previous session.",
	file:  "internal/refsite/page/session.go",
	old:   "	if err := v.Guard.Logout(v.site.ID(), v.token()); err != nil {\n		return err\n	}\n	v.setCookie(opened",
	new:   "	v.setCookie(opened",
	tests: "refsite/page", run: "TestR44Session",
}, {
	name: "GuessesOfTheStoredPasswordUncounted", breaks: "R42",
	what:  "Anyone with a token can try passwords until a response reveals the stored one.",
	file:  "internal/refsite/core/write.go",
	old:   `count.Add(s.core.Guesses, `,
	new:   `count.Add(s.core.Guesses<<20, `,
	tests: "refsite", run: "TestR42GuessingTheStoredPassword",
}, {
	name: "GuessesLockTheOwnerOut", breaks: "R42",
	what:  "Wrong logins from many addresses lock out the owner with the right password.",
	file:  "internal/refsite/access/access.go",
	old:   `{g.usernames, user, isFirst},`,
	new:   `{g.usernames, user, isFirst && false},`,
	tests: "refsite/access", run: "TestR42Counting",
}, {
	name: "InternalAddressesTold", breaks: "R31",
	what:  "The error of a test reveals the internal address of a name, and the name server.",
	file:  "internal/refsite/refsite.go",
	old:   `HideAddresses: true,`,
	new:   `HideAddresses: false,`,
	tests: "refsite", run: "TestForbiddenAddresses",
}, {
	name: "SettingTellsThePassword", breaks: "R28 I8",
	what:  "A password that is part of the username is shown as asterisks in it, which reveals it.",
	file:  "internal/mail/submit/result.go",
	old:   `r.Keep(d.Text(c.Settings))`,
	new:   `_ = d`,
	tests: "mail/submit", run: "TestASettingDoesNotTellThePassword",
}, {
	name: "RecipientComparedWithThePassword", breaks: "R28 I8",
	what:  "A recipient that contains the saved password is redacted, which reveals that the guess was right.",
	file:  "internal/mail/submit/sender.go",
	old:   `keepRecipient(a.redactor, recipient)`,
	new:   `keepRecipient(a.redactor, "")`,
	tests: "mail/submit", run: "TestARecipientIsNotComparedWithThePassword",
}, {
	name: "OldSealStaysInTheFile", breaks: "R48",
	what:  "After a rotation, free pages of the data file still hold what the old key sealed.",
	file:  "internal/refsite/core/core.go",
	old:   `c.Store.Scrub(); err != nil {`,
	new:   `error(nil); err != nil {`,
	tests: "refsite", run: "TestRotationLeavesNothingOfTheOldKey",
}, {
	name: "DataFileStaysReadable", breaks: "I8",
	what:  "A data file that other users can read stays readable.",
	file:  "internal/refsite/store/store.go",
	old:   `info.Mode().Perm()&0o077 == 0 {`,
	new:   `info.Mode().Perm()&0o007 >= 0 {`,
	tests: "refsite", run: "TestDataFileOthersCanRead",
}, {
	name: "HiddenCharactersAccepted", breaks: "R32",
	what:  "A username may contain invisible characters that make it look like a different one.",
	file:  "internal/refsite/core/check.go",
	old:   `d.Format != site.DisplayName && HasHidden`,
	new:   `d.Format == site.DisplayName && HasHidden`,
	tests: "refsite", run: "TestValues",
}, {
	name: "AdminPageAnswersGuesses", breaks: "R50",
	what:  "The admin page reveals, without limit, whether a password typed for a test is the saved one.",
	file:  "internal/refsite/core/run.go",
	old:   `t.Candidate.Settings != rec.Settings || rec.Password == nil`,
	new:   `rec.Settings.Port != 0 || rec.Password == nil`,
	tests: "refsite/page", run: "TestR42TooManyPasswordsThatAreNotTheSavedOne",
}, {
	name: "RefusedGuessesAreFree", breaks: "R50",
	what:  "A guess is counted only if its write is stored, so a refused guess is not counted.",
	file:  "internal/refsite/core/write.go",
	old:   `err == nil && after != before {`,
	new:   `err == nil && after == before {`,
	tests: "refsite", run: "TestR42GuessingTheStoredPassword",
}, {
	name: "EditedTestAnswersGuesses", breaks: "R49 R50",
	what:  "A test whose settings were edited in the data file can be used to guess a password without being counted.",
	file:  "internal/refsite/core/write.go",
	old:   `t.Result.Status != site.Passed || t.Settings != settings {`,
	new:   `len(t.Settings.Diff(settings)) > 100 {`,
	tests: "refsite", run: "TestEditedTestRevealsNoPassword",
}, {
	name: "StoredMemberRenamed", breaks: "R57",
	what:  "A member in data files is renamed, so that older files lose it.",
	file:  "internal/site/test.go",
	old:   `json:"not_after"`,
	new:   `json:"until"`,
	tests: "refsite/store", run: "TestForms",
}, {
	name: "HostWithAZone", breaks: "R41",
	what:  "The server answers to an IP address with a zone, which may be any text.",
	file:  "internal/refsite/access/session.go",
	old:   `err == nil && ip.Zone() == ""`,
	new:   `err == nil && ip.IsValid()`,
	tests: "refsite", run: "TestAnswersToItsNamesOnly",
}, {
	name: "APIAnswersToAnyName", breaks: "R41",
	what:  "The API answers to any name that resolves to the server.",
	file:  "internal/refsite/api/api.go",
	old:   `if !access.AnswersTo(r.Host, a.Hosts) {`,
	new:   `if r.Host == "" {`,
	tests: "refsite", run: "TestAnswersToItsNamesOnly",
}, {
	name: "RestartForgetsTheLimit", breaks: "R33",
	what:  "A restart resets the limit of a site's test messages.",
	file:  "internal/refsite/core/sending.go",
	old:   `c.sending.take(m.siteID, m.recipient, m.at)`,
	new:   `_ = m`,
	tests: "refsite", run: "TestR33RateLimit",
}, {
	name: "RecipientsUnlimited", breaks: "R33",
	what:  "Many sites send test messages to one recipient without limit.",
	file:  "internal/refsite/core/sending.go",
	old:   `mailbox(recipient), perRecipient), "to`,
	new:   `siteID+recipient, perRecipient), "to`,
	tests: "refsite/core", run: "TestSendingLimits",
}}
