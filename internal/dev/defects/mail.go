package main

// inMail are defects in the code that talks to a mail server.
var inMail = []defect{{
	name: "OpportunisticSTARTTLS", breaks: "R34 I5",
	what: "If the server does not offer STARTTLS, the password is sent without TLS.",
	file: "internal/mail/submit/connect.go",
	old:  `steps = append(steps, a.startTLS, a.secure, a.hello)`,
	new: `steps = append(steps, func(ctx context.Context, s site.Settings) error {
			if !a.offers.has("STARTTLS") {
				return nil
			}
			return errors.Join(a.startTLS(ctx, s), a.secure(ctx, s), a.hello(ctx, s))
		})`,
	tests: "mail/submit", run: "TestR34STARTTLSIsRequired",
}, {
	name: "TextBehindSTARTTLS", breaks: "R35",
	what:  "Data that arrived in clear text after STARTTLS is treated as protected.",
	file:  "internal/mail/submit/dialogue.go",
	old:   `Buffered() > 0 {`,
	new:   `Buffered() < 0 {`,
	tests: "mail/submit", run: "TestR35DataBeforeTLS",
}, {
	name: "CertificateNotChecked", breaks: "R18 I5",
	what:  "Any certificate is accepted, so an attacker can intercept the connection to the mail server.",
	file:  "internal/mail/submit/connect.go",
	old:   `MinVersion: tls.VersionTLS12,`,
	new:   `MinVersion: tls.VersionTLS12, InsecureSkipVerify: true,`,
	tests: "mail/submit", run: "TestCertificateIsRefused",
}, {
	name: "SecretOfTheServerEchoed", breaks: "R28 I8",
	what: "A reply that echoes the login is shown unredacted.",
	file: "internal/mail/submit/result.go",
	old: `	r.Add(c.Password)
`,
	new:   ``,
	tests: "mail/submit", run: "TestR28EchoedSecretsAreRedacted",
}, {
	name: "EncodedSecretShown", breaks: "R28 I8",
	what:  "A reply, passed on by a site, that contains the login in base64 is shown unredacted.",
	file:  "internal/untrusted/redactor.go",
	old:   `		found = append(found, reading.parts(r.words(reading.text, 1))...)`,
	new:   ``,
	tests: "mail/diagnosis", run: "TestSecretsAreTakenOut",
}, {
	name: "SecretShownThatIsEncodedTwice", breaks: "I8",
	what:  "A login in doubly encoded base64 is shown.",
	file:  "internal/untrusted/redactor.go",
	old:   `if depth >= mostEncodings || !isText(decoded) {`,
	new:   `if depth > 0 {`,
	tests: "untrusted", run: "TestEachFormIsRedacted",
}, {
	name: "SecretShownWithZeroWidthInAnEscape", breaks: "I8",
	what:  "A secret is shown if it is interrupted by an escape sequence that contains a zero-width character.",
	file:  "internal/untrusted/reading.go",
	old:   `v.taking(withSequences), v.taking(brokenSequence))`,
	new:   `v.taking(withSequences))`,
	tests: "untrusted", run: "TestEachFormIsRedacted",
}, {
	name: "GuessAnswered", breaks: "I8",
	what:  "Text that the reader supplied reveals whether it contains the stored secret.",
	file:  "internal/untrusted/redactor.go",
	old:   `slices.DeleteFunc(slices.Clone(r.secrets), r.isSupplied)`,
	new:   `r.secrets`,
	tests: "untrusted", run: "TestWhatTheReaderSuppliedStays",
}, {
	name: "PartOfAGuessAnswered", breaks: "I8",
	what:  "A recipient that contains the stored secret in a different case, or encoded, reveals that.",
	file:  "internal/untrusted/redactor.go",
	old:   ` || r.fold && r.shown.in(bytes.ToLower(decoded))`,
	new:   ` || r.fold && r.shown.in(bytes.Clone(decoded))`,
	tests: "untrusted", run: "TestWhatTheReaderSuppliedStays",
}, {
	name: "DecoysHideASecret", breaks: "I8",
	what:  "A long text is not searched to its end, so a secret near the end is shown.",
	file:  "internal/untrusted/redactor.go",
	old:   `if slices.Contains(known, now.text) {`,
	new:   `if len(known) > 16 || slices.Contains(known, now.text) {`,
	tests: "untrusted", run: "TestDecoysUseUpNothing",
}, {
	name: "PasswordBlamedAfterItPassed", breaks: "R38",
	what:  "A refusal after the login blames the password that the server has accepted.",
	file:  "internal/mail/diagnosis/failure.go",
	old:   `if row.Attribute == "password" {`,
	new:   `if row.Attribute == "password" && !ok {`,
	tests: "mail/diagnosis", run: "TestNoPasswordIsBlamedAfterItPassed",
}, {
	name: "AdviceOfAnotherService", breaks: "R38",
	what:  "Rows that name one service are used for the hosts of other services.",
	file:  "internal/mail/diagnosis/match.go",
	old:   `if len(row.Presets) > 0 && !slices.Contains(row.Presets, f.preset) {`,
	new:   `if len(row.Presets) > 0 && f.preset == "" {`,
	tests: "mail/diagnosis", run: "TestRowsThatNameAServiceAreForItsHosts|TestRowsByHostKnowTheirHosts",
}, {
	name: "NameCheckedInsteadOfAddress", breaks: "R31",
	what: "A name is resolved and checked, and then resolved again for dialling.",
	file: "internal/mail/submit/connect.go",
	old:  "	trace := dialTrace{now: a.sender.now}\n",
	new: `	trace := dialTrace{now: a.sender.now}
	if a.sender.Control != nil {
		ips, _ := a.sender.Resolver.LookupHost(ctx, ascii(s.Host))
		for _, ip := range ips {
			if err := a.sender.Control("tcp4", net.JoinHostPort(ip, strconv.Itoa(s.Port)), nil); err != nil {
				a.report.Result.Stage = site.StageConnect
				a.fail(ctx, err, 0)
				return err
			}
		}
		unchecked := *a.sender
		unchecked.Control = nil
		a.sender = &unchecked
	}
`,
	tests: "mail/submit", run: "TestControlSeesWhatANameLeadsToWhenItIsDialled",
}, {
	name: "MappedAddressDialled", breaks: "R31",
	what:  "An IPv4-mapped IPv6 address is checked by the rules for IPv6.",
	file:  "internal/refsite/dialrule/dialrule.go",
	old:   `global6.Contains(ip) && !contains(reserved6, ip)`,
	new:   `!ip.IsPrivate() && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && !contains(reserved6, ip)`,
	tests: "refsite/dialrule", run: "TestControl",
}, {
	name: "LineBreakInAnAddress", breaks: "R32",
	what:  "An address is checked without its line breaks, but used with them.",
	file:  "internal/mail/submit/check.go",
	old:   "	if len(address) > maxAddress {\n",
	new:   "	address = strings.NewReplacer(\"\\r\", \"\", \"\\n\", \"\").Replace(address)\n	if len(address) > maxAddress {\n",
	tests: "mail/submit", run: "TestCheckAddress",
}, {
	name: "RedirectCarriesTheSecret", breaks: "R31 I5",
	what:  "A token endpoint can redirect the client secret to any server.",
	file:  "internal/mail/oauth/oauth.go",
	old:   `return http.ErrUseLastResponse },`,
	new:   `return nil },`,
	tests: "mail/oauth", run: "TestRefusals",
}, {
	name: "EchoedTokenShown", breaks: "R28 I8",
	what: "An access token that a mail server echoes is shown in the test's result.",
	file: "internal/mail/submit/login.go",
	old: `	a.redactor.Add(a.token)
`,
	new:   ``,
	tests: "mail/submit", run: "TestEchoedTokenIsRedacted",
}, {
	name: "RefreshTokenUsedUpByATest", breaks: "R60 I1",
	what:  "A token endpoint replaces a refresh token during a test, and the replaced token, now invalid, is saved.",
	file:  "internal/refsite/core/refresh.go",
	old:   `slices.IndexFunc(successors, s.succeeds(c)); i >= 0 {`,
	new:   `slices.IndexFunc(successors, s.succeeds(c)); i > len(successors) {`,
	tests: "refsite", run: "TestR60RefreshTokenThatRotates",
}, {
	name: "AccessTokenBeforeItsRefreshToken", breaks: "R60 I1",
	what:  "A message is sent although the replaced refresh token could not be stored.",
	file:  "internal/mail/oauth/oauth.go",
	old:   `if err := r.Replaced(next); err != nil {`,
	new:   `if err := r.Replaced(next); err != nil && next.IsEmpty() {`,
	tests: "mail/submit", run: "TestR60RefreshTokenIsStoredFirst",
}, {
	name: "SuccessorForAnotherPlace", breaks: "R59 I5",
	what:  "A different token endpoint receives the refresh token that the first one issued.",
	file:  "internal/refsite/core/refresh.go",
	old:   `s.id, c.Settings.TokenURL, c.Settings.ClientID, entered`,
	new:   `s.id, c.Settings.ClientID, entered`,
	tests: "refsite", run: "TestR59SuccessorStaysWithWhatWasEntered",
}, {
	name: "TokenEndpointOfTheInside", breaks: "R31",
	what:  "The dial rules apply to the mail server, but not to the token endpoint.",
	file:  "internal/mail/submit/sender.go",
	old:   `oauth.Client{Control: s.Control, `,
	new:   `oauth.Client{`,
	tests: "mail/submit", run: "TestTokenEndpointIsDialledUnderTheSameRules",
}, {
	name: "LostAnswerIsAFailure", breaks: "R37 I2",
	what:  "A connection that breaks after the message counts as a refusal, and the test is retried.",
	file:  "internal/mail/submit/message.go",
	old:   `return inDoubtError{err}`,
	new:   `return err`,
	tests: "mail/submit", run: "TestFaultAtStage|TestR37OddAnswersToTheMessage",
}, {
	name: "EndlessReply", breaks: "R36",
	what:  "A server's reply may be endless.",
	file:  "internal/mail/submit/dialogue.go",
	old:   "	l.left -= n\n",
	new:   "",
	tests: "mail/submit", run: "TestR36ReadLimits",
}}
