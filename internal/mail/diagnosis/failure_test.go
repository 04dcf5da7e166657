package diagnosis

import (
	"slices"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func TestReplyText(t *testing.T) {
	for name, test := range map[string]struct {
		reply          site.Reply
		enhanced, text string
	}{
		"AsTheClientGaveIt":        {site.Reply{EnhancedCode: "5.7.8", Text: "authentication failed"}, "5.7.8", "authentication failed"},
		"LeftInTheText":            {site.Reply{Text: "5.7.8 authentication failed"}, "5.7.8", "authentication failed"},
		"LeftInTheTextBeforeColon": {site.Reply{Text: "5.1.1 : user unknown"}, "5.1.1", "user unknown"},
		"WithComma":                {site.Reply{Text: "5.7.1, Relaying denied."}, "5.7.1", "Relaying denied."},
		"InParentheses":            {site.Reply{Text: "authentication failed (#5.7.1)"}, "5.7.1", "authentication failed (#5.7.1)"},
		"NotAnEnhancedCode":        {site.Reply{Text: "(#AUTH005) Too many bad auth attempts."}, "", "(#AUTH005) Too many bad auth attempts."},
		"Zero":                     {site.Reply{EnhancedCode: "0.0.0", Text: "no"}, "", "no"},
		"LinesJoinedBySpace":       {site.Reply{Text: "5.7.8 Username and Password not accepted. 5.7.8 See"}, "5.7.8", "Username and Password not accepted. See"},
		"LinesJoinedByNewline":     {site.Reply{Text: "535-5.7.8 Username and\n535 5.7.8  Password not accepted"}, "5.7.8", "Username and Password not accepted"},
		"OnTheLastLineOnly":        {site.Reply{Text: "Sorry,\r\n5.7.1 not you"}, "5.7.1", "Sorry, not you"},
		"Empty":                    {site.Reply{}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			enhanced, text := replyText(test.reply)
			if enhanced != test.enhanced || text != test.text {
				t.Errorf("got %q %q, want %q %q", enhanced, text, test.enhanced, test.text)
			}
		})
	}
}

func TestMatchedTextIsBounded(t *testing.T) {
	for _, long := range []string{strings.Repeat("x", 1<<20), strings.Repeat("5.7.1 a\n", 1<<17), strings.Repeat("é", 1<<19)} {
		if _, text := replyText(site.Reply{Text: long}); len(text) > longest {
			t.Errorf("%d bytes of a reply are matched", len(text))
		}
		if text := errorText(long); len(text) > longest {
			t.Errorf("%d bytes of an error are matched", len(text))
		}
	}
}

func find(stage site.Stage, code int, enhanced, text, preset string) string {
	r := site.TestResult{Status: site.Failed, Stage: stage, Error: text}
	if code != 0 {
		r.Reply = &site.Reply{Code: code, EnhancedCode: enhanced, Text: text}
	}
	if row := load().find(observe(r, site.Settings{}, preset)); row != nil {
		return row.ID
	}
	return ""
}

func TestFind(t *testing.T) {
	for name, test := range map[string]struct {
		stage          site.Stage
		code           int
		enhanced, text string
		preset         string
		want           string
	}{
		"FirstRowWins":                            {site.StageAuth, 535, "5.7.8", "Username and Password not accepted", "gmail", "auth-gmail-bad-credentials"},
		"ReplyMatchesRowsOfOtherStages":           {site.StageData, 553, "5.7.1", "<a@example.com>: Sender address rejected: not logged in", "", "mail-not-logged-in"},
		"BannerRowsMatchOnlyBanners":              {site.StageAuth, 554, "", "no SMTP", "", "fallback-5xx-auth-at-stage"},
		"RowsBoundToAStageMatchOnlyThere":         {site.StageEHLO, 550, "", "mailbox unavailable", "", "any-5xx"},
		"WildcardDigit":                           {site.StageRcpt, 551, "", "no such user", "", "recipient-not-accepted"},
		"WildcardEnhanced":                        {site.StageData, 511, "5.1.9", "whatever", "", "any-51x-rcpt"},
		"EnhancedMustAgree":                       {site.StageAuth, 535, "5.7.9", "authentication unsuccessful", "", "auth-535-generic"},
		"RowOfAServiceOnItsHost":                  {site.StageAuth, 535, "", "Authentication Failed", "zoho-pro", "auth-zoho-by-host"},
		"RowOfAServiceElsewhere":                  {site.StageAuth, 535, "", "Authentication Failed", "", "auth-535-generic"},
		"RefusalBeforeAnyAddressWasNamed":         {site.StageBanner, 554, "5.7.1", "Not for you", "", "banner-refused"},
		"LoginRefusedBeforeASender":               {site.StageAuth, 550, "5.7.8", "Authentication failed", "", "fallback-5xx-auth-at-stage"},
		"LoginsPausedBeforeASender":               {site.StageAuth, 554, "5.7.1", "Too many login attempts", "", "login-paused"},
		"SenderRefusedBeforeARecipient":           {site.StageMail, 550, "5.1.9", "whatever", "", "fallback-5xx-mail-at-stage"},
		"ReplyThatNamesNoStage":                   {"", 550, "5.7.1", "<a@example.com>: relaying denied", "", "rcpt-relay-sendmail"},
		"ReplyNeverMatchesARowForErrors":          {site.StageRcpt, 250, "", "OK", "", ""},
		"ReplyWithoutClass":                       {site.StageRcpt, 999, "", "what", "", ""},
		"TransientFaultWithPermanentCode":         {site.StageData, 550, "5.4.5", "Daily user sending limit exceeded", "gmail", "mail-gmail-daily-limit"},
		"PermanentFaultWithTransientCode":         {site.StageMail, 451, "5.7.3", "STARTTLS is required to send mail", "microsoft365", "starttls-required-ms"},
		"LockedAtAnyService":                      {site.StageAuth, 535, "5.7.8", "Authentication failed: account suspended", "brevo", "auth-account-locked"},
		"LockedIsTheSender":                       {site.StageRcpt, 552, "", "Your account has been suspended", "", "account-blocked"},
		"DisabledIsTheRecipient":                  {site.StageRcpt, 550, "5.2.1", "This account is disabled", "", "rcpt-disabled-at-stage"},
		"RelayRefusedWithTransientCode":           {site.StageRcpt, 451, "4.7.1", "<ops@example.net>: Relay access denied", "", "rcpt-relay-generic"},
		"RelayRefusedByMicrosoft":                 {site.StageRcpt, 550, "5.7.64", "TenantAttribution; Relay Access Denied", "microsoft365", "rcpt-relay-ms-tenant"},
		"WrongPasswordAtMicrosoft":                {site.StageAuth, 535, "5.7.139", "Authentication unsuccessful, the user credentials were incorrect.", "microsoft365", "auth-ms-credentials"},
		"NameRefusedAtEHLO":                       {site.StageEHLO, 550, "", "Access denied - Invalid HELO name (See RFC2821 4.1.1.1)", "", "ehlo-name-refused"},
		"NameRefusedAtMAIL":                       {site.StageMail, 550, "5.7.1", "<mail>: Helo command rejected: Host not found", "", "ehlo-name-refused"},
		"NameRefusedAtRCPT":                       {site.StageRcpt, 550, "5.7.1", "<mail>: Helo command rejected: Host not found", "", "ehlo-name-refused"},
		"ClientWithoutReverseDNS":                 {site.StageRcpt, 450, "4.7.25", "Client host rejected: cannot find your hostname, [192.0.2.22]", "", "mail-ptr-missing"},
		"TransientSPFFailure":                     {site.StageRcpt, 550, "5.7.23", "<ops@example.net>: Recipient address rejected: Message rejected due to: SPF fail - not authorized.", "", "mail-spf-fail"},
		"DomainNotVerifiedWithTransientCode":      {site.StageData, 450, "", "The from.email domain must be verified in your account to send emails.", "", "data-domain-not-verified"},
		"DomainUnverified":                        {site.StageData, 421, "", "Domain example.com is not allowed to send: The domain is unverified and requires DNS configuration.", "", "data-domain-not-verified"},
		"UnauthenticatedAtGmailWithTransientCode": {site.StageData, 421, "4.7.26", "This mail has been rate limited because it is unauthenticated.", "", "data-gmail-421-unauthenticated"},
		"RateLimitInOneWord":                      {site.StageData, 451, "4.7.1", "Ratelimit \"user\" exceeded", "", "limit-pace"},
		"QuotaOfTheSenderWithTransientCode":       {site.StageData, 450, "", "Your account reached its email quota limit.", "", "data-quota-of-sender"},
		"QuotaOfTheRecipient":                     {site.StageRcpt, 452, "4.2.2", "The email account that you tried to reach is over quota.", "", "rcpt-over-quota"},
		"ErrorAtItsStage":                         {site.StageBanner, 0, "", "read tcp 192.0.2.1:1->192.0.2.2:2: i/o timeout", "", "banner-timeout-implicit-tls"},
		"ErrorAtAnotherStage":                     {site.StageRcpt, 0, "", "read tcp 192.0.2.1:1->192.0.2.2:2: i/o timeout", "", "any-timeout"},
		"ErrorWrappedByClients":                   {site.StageTLS, 0, "", "handshake with 192.0.2.2:465: EOF", "", "tls-eof"},
		"UnknownError":                            {site.StageTLS, 0, "", "the moon was full", "", "other-tls"},
		"ReplyWithinAnError":                      {"", 0, "", "sending: 535 5.7.8 Authentication failed", "", "auth-postfix-failed"},
		"PortsAreNotReplies":                      {site.StageMail, 0, "", "write tcp 192.0.2.1:587 465 oops", "", "other-mail"},
		"ErrorWithoutStageAboutNames":             {"", 0, "", "dial tcp: lookup mail.example.com: no such host", "", "dns-nxdomain"},
		"ErrorWithoutStageAboutConnections":       {"", 0, "", "dial tcp 192.0.2.2:2: connect: connection refused", "", "connect-refused"},
		"ErrorWithoutStageAboutTrust":             {"", 0, "", "x509: certificate signed by unknown authority", "", "tls-cert-unknown-authority"},
		"ErrorWithoutStageThatCouldBeAny":         {"", 0, "", "EOF", "", "any-connection-lost"},
		"ErrorWithoutStageOrMeaning":              {"", 0, "", "oops", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := find(test.stage, test.code, test.enhanced, test.text, test.preset); got != test.want {
				t.Errorf("got row %q, want %q", got, test.want)
			}
		})
	}
}

// What a server refuses before it has heard of an account or an address is not their fault, whatever its words are.
func TestNothingIsBlamedBeforeItIsNamed(t *testing.T) {
	all := []string{"username", "password", "from_address", "recipient"}
	for stage, unnamed := range map[site.Stage][]string{
		site.StageBanner: all, site.StageEHLO: all, site.StageSTARTTLS: all, site.StageAuth: all[2:], site.StageMail: all[3:],
	} {
		for _, row := range Rows() {
			refusal := exampleOf(row)
			refusal.stage = stage
			if got := load().find(refusal); refusal.code != "" && got != nil && slices.Contains(unnamed, got.Attribute) {
				t.Errorf("%q at %s: row %q blames %s", row.Example, stage, got.ID, got.Attribute)
			}
		}
	}
}

// The notes beside the data map services to hosts; rows for one service only must know them.
func TestRowsByHostKnowTheirHosts(t *testing.T) {
	for host, want := range map[string]string{
		"smtp-relay.brevo.com":               "auth-brevo-by-host",
		"smtp-relay.sendinblue.com":          "auth-brevo-by-host",
		"in-v3.mailjet.com":                  "auth-mailjet-by-host",
		"smtp.mail.me.com":                   "auth-icloud-by-host",
		"smtp.zoho.eu":                       "auth-zoho-by-host",
		"smtppro.zoho.com":                   "auth-zoho-by-host",
		"smtp.163.com":                       "auth-163-by-host",
		"smtp.postmarkapp.com":               "auth-postmark-by-host",
		"smtp.fastmail.com":                  "auth-fastmail-by-host",
		"SMTP.FASTMAIL.COM.":                 "auth-fastmail-by-host",
		"smtp.fastmail.com.evil.example.com": "auth-535-generic",
	} {
		r := site.TestResult{Stage: site.StageAuth, Reply: &site.Reply{Code: 535, Text: "Error: authentication failed"}}
		if got := Of(r, site.Settings{Host: host}); got.ID != want {
			t.Errorf("%s: got %q, want %q", host, got.ID, want)
		}
	}
}
