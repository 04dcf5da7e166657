package diagnosis

import (
	"slices"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func throughAuth(stage site.Stage, code int, text string) site.TestResult {
	r := refused(stage, code, text)
	r.Stages = stages(site.StageDNS, site.StageConnect, site.StageTLS, site.StageBanner, site.StageEHLO, site.StageAuth)
	return r
}

// What was accepted is not at fault afterwards.
func TestNoPasswordIsBlamedAfterItPassed(t *testing.T) {
	s := site.Settings{Host: "mail.example.com", Port: 465, Encryption: site.TLS, Username: "ocid1.user", FromAddress: "shop@example.com"}
	for text, want := range map[string]string{
		"Authorization failed: Envelope From address not authorized": "from_address",
		"From/Sender name is not valid":                              "from_address",
		"Authentication failed":                                      "username",
		"authentication credentials invalid":                         "username",
		"5.7.8 you may not":                                          "username",
	} {
		for _, stage := range []site.Stage{site.StageMail, site.StageRcpt, site.StageData} {
			d := Of(throughAuth(stage, 535, text), s)
			if d.Attribute != want || strings.Contains(d.Cause, "rejected the username or password") {
				t.Errorf("%s at %s: got %+v", text, stage, d)
			}
		}
	}
	for _, row := range Rows() {
		refusal := exampleOf(row)
		for _, stage := range []site.Stage{site.StageMail, site.StageRcpt, site.StageData} {
			refusal.stage = stage
			if got := load().find(refusal); got != nil && got.Attribute == "password" {
				t.Errorf("%q at %s: row %q blames the password", row.Example, stage, got.ID)
			}
		}
	}
}

func TestLoginThatDoesNotCount(t *testing.T) {
	s := site.Settings{Host: "mail.example.com", Username: "shop@example.com", FromAddress: "shop@example.com"}
	d := Of(throughAuth(site.StageRcpt, 553, "<shop@example.com>: Sender address rejected: not logged in"), s)
	if d.Attribute != "username" || strings.Contains(d.Remedy, "Set username and password") {
		t.Errorf("got %+v", d)
	}
	contains(t, d.Cause, "accepted the login")
	d = Of(throughAuth(site.StageRcpt, 554, "<web1[192.0.2.1]>: Client host rejected: Access denied"), s)
	if d.Attribute != "host" {
		t.Errorf("an address refused after the login: got %+v", d)
	}
	s.Username = ""
	if d = Of(refused(site.StageRcpt, 554, "5.7.1 <web1[192.0.2.1]>: Client host rejected: Access denied"), s); d.Attribute != "username" {
		t.Errorf("without a login: got %+v", d)
	}
}

// Without a login, from_address is not said to be wrong for the login.
func TestSenderWithoutLogin(t *testing.T) {
	settings := site.Settings{Host: "mail.example.com", Port: 25, Encryption: site.STARTTLS, FromAddress: "shop@example.com"}
	for _, text := range []string{"5.1.0 Sender is not allowed to send from example.com", "5.7.1 Sender address rejected", "Envelope sender mismatch"} {
		d := Of(refused(site.StageMail, 550, text), settings)
		if strings.Contains(d.Cause, "this login") || d.Attribute != "from_address" {
			t.Errorf("got %+v", d)
		}
		contains(t, d.Cause, "there was no login")
		contains(t, d.Remedy, "Set username and password", "from_address")
	}
}

// Without a login, no row for every host speaks of one, unless it is about the account that the server named.
func TestRowsWithoutLogin(t *testing.T) {
	for _, row := range Rows() {
		if row.Attribute == "username" || len(row.Presets) > 0 || !slices.Contains(dialogue, row.Stage) || row.Stage == site.StageAuth {
			continue
		}
		v := &verdict{settings: site.Settings{Host: "mail.example.com", FromAddress: "shop@example.com"}, facts: facts{withoutLogin: true}}
		v.take(row.ID)
		v.explain()
		for _, phrase := range []string{"this login", "the login works", "this account may", "account in username may", "mailbox in username may"} {
			if strings.Contains(v.Cause+" "+v.Remedy, phrase) {
				t.Errorf("row %q: %q in %q, %q", row.ID, phrase, v.Cause, v.Remedy)
			}
		}
	}
}

// What a row says of one service is for the hosts of that service.
func TestRowsThatNameAServiceAreForItsHosts(t *testing.T) {
	names := strings.Fields("Google Gmail Workspace Microsoft Outlook Entra Yahoo iCloud Zoho Brevo SendGrid Mailgun Mailtrap Mailjet AWS SES SparkPost Postmark Yandex Mail.ru QQ NetEase Alibaba GoDaddy IONOS GMX Fastmail OVH Hostinger Resend Naver")
	for _, row := range Rows() {
		text := strings.ReplaceAll(row.Summary+" "+row.Cause+" "+row.Remedy, "@gmail.com through another", "")
		for _, name := range names {
			if slices.Contains(strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,;:()'’", r) }), name) && len(row.Presets) == 0 {
				t.Errorf("row %q names %s but is not limited to that service", row.ID, name)
			}
		}
	}
	gmx := site.Settings{Host: "mail.gmx.net", Port: 465, Encryption: site.TLS, Username: "shop@gmx.net", FromAddress: "shop@gmx.net"}
	for _, text := range []string{"Authentication failure: SMTP AUTH failed with the remote server", "Reject due to policy restrictions"} {
		d := Of(refused(site.StageAuth, 535, text), gmx)
		if strings.Contains(d.Cause+d.Remedy, "IONOS") {
			t.Errorf("the diagnosis for GMX names IONOS: %+v", d)
		}
	}
}

func TestHostsOfServicesThatReceive(t *testing.T) {
	for host, want := range map[string]string{
		"gmail-smtp-in.l.google.com":               "gmail",
		"aspmx.l.google.com":                       "gmail",
		"hotmail-com.olc.protection.outlook.com":   "microsoft365",
		"example-com.mail.protection.outlook.com":  "microsoft365",
		"mta5.am0.yahoodns.net":                    "yahoo",
		"mailstore1.secureserver.net":              "godaddy",
		"smtphz.qiye.163.com":                      "netease-163",
		"smtprelaypool.ispgateway.de":              "domainfactory",
		"smtp.partner.outlook.cn":                  "microsoft365",
		"mail.protection.outlook.com.example.test": "",
		"secureserver.net.example.test":            "",
	} {
		if got, _ := presets.ByHost(host); got.ID != want {
			t.Errorf("%s: %q, want %q", host, got.ID, want)
		}
	}
}

// A fault that only a person can end does not heal by waiting, whatever the code says.
func TestWhatOnlyAPersonCanEnd(t *testing.T) {
	s := site.Settings{Host: "mail.example.com", Username: "shop@example.com", FromAddress: "shop@example.com"}
	for _, text := range []string{
		"Recipient on suppression list", "You can only send testing emails to your own email address", "Your account has been suspended",
		"Outgoing mail has been disabled", "The domain is not verified", "Client host [192.0.2.1] blocked using zen.spamhaus.org",
		"STARTTLS is required", "Helo command rejected: Host not found", "Sender address rejected: Domain not found",
		"Out of credits, please upgrade your plan", "relay access denied", "authentication required",
	} {
		for _, stage := range []site.Stage{site.StageRcpt, site.StageData} {
			if d := Of(refused(stage, 451, text), s); d.Retry != site.RetryNever {
				t.Errorf("%s at %s: %s from %s", text, stage, d.Retry, d.ID)
			}
		}
	}
	for _, row := range Rows() {
		waits := strings.Contains(row.Remedy, "pply again") || strings.Contains(row.Remedy, "Wait ") || strings.Contains(row.Remedy, "wait") || strings.Contains(row.Remedy, "24 hours") || strings.Contains(row.Remedy, "pply again later")
		if row.Retry == site.RetryLong && !waits {
			t.Errorf("row %q can be transient, but its advice is %q", row.ID, row.Remedy)
		}
	}
}

// Advice fits the settings that it is given for.
func TestSenderAdvice(t *testing.T) {
	const owned = "<shop@example.com>: Sender address rejected: not owned by user"
	for username, test := range map[string]struct{ has, lacks string }{
		"login@example.com": {"to the address in username", "already"},
		"api":               {"an address that this account may send from", "address in username"},
		"shop@example.com":  {"is the address in username already", "Set from_address to the address"},
	} {
		s := site.Settings{Host: "mail.example.com", Username: username, FromAddress: "shop@example.com"}
		for _, text := range []string{owned, "Client does not have permissions to send as this sender", "envelope sender mismatch"} {
			d := Of(throughAuth(site.StageRcpt, 553, "5.7.1 "+text), s)
			if d.Attribute != "from_address" || strings.Contains(d.Remedy, test.lacks) {
				t.Errorf("%s, %s: %+v", username, text, d)
			}
			if text == owned {
				contains(t, d.Remedy, test.has)
			}
		}
	}
	for _, row := range Rows() {
		if strings.Contains(row.Cause+row.Remedy, "address of username") || strings.Contains(row.Cause+row.Remedy, "the diagnosis") {
			t.Errorf("row %q: %s", row.ID, row.Remedy)
		}
	}
}

// Some sites have the failure in one line of text, and no stage.
func TestRepliesInALineOfText(t *testing.T) {
	s := site.Settings{Host: "mail.example.com", Username: "login@example.com", FromAddress: "shop@example.com"}
	for text, want := range map[string]string{
		"535 5.7.8 Error: authentication failed":                                                           "password",
		"send failed: 535 Authorization failed: Envelope From address not authorized":                      "from_address",
		"gomail: could not send email 1: 553 5.7.1 Sender address rejected: not owned by user":             "from_address",
		"Raw error: 550 5.1.1 <ops@example.net>: Recipient address rejected: User unknown":                 "recipient",
		"Message failed: 554 Transaction failed: Duplicate header 'Date'.":                                 "",
		"SMTP Error: Could not authenticate.":                                                              "password",
		"Mail command failed: 530 5.7.0 Must issue a STARTTLS command first":                               "encryption",
		"Can't send mail - all recipients were rejected: 554 5.7.1 <ops@example.net>: Relay access denied": "username",
		"450 4.7.1 <x>: Helo command rejected: Host not found":                                             "helo_name",
		"dial tcp 192.0.2.1:587: connect: connection refused":                                              "port",
		"x509: certificate signed by unknown authority":                                                    "host",
		"SMTP Error: Could not connect to SMTP host. Failed to connect to server":                          "port",
	} {
		d := Of(site.TestResult{Status: site.Failed, Error: text, Recipient: "ops@example.net"}, s)
		if d.Attribute != want || d.ID == Unknown {
			t.Errorf("%s: %q from %s, want %q", text, d.Attribute, d.ID, want)
		}
	}
}

func TestTokenEndpoint(t *testing.T) {
	const answered = "token endpoint answered "
	microsoft := site.Settings{Host: "smtp.office365.com", Port: 587, Encryption: site.STARTTLS, Username: "shop@example.com", FromAddress: "shop@example.com"}
	for text, want := range map[string]struct{ id, attribute string }{
		"401 invalid_client: AADSTS7000215: Invalid client secret provided.":                                               {"token-secret-wrong", "password"},
		"401 invalid_client: AADSTS7000222: The provided client secret keys for app 'x' are expired.":                      {"token-secret-expired", "password"},
		"401 invalid_client: AADSTS700027: Client assertion failed signature validation.":                                  {"token-client-rejected", "password"},
		"400 unauthorized_client: AADSTS700016: Application with identifier 'x' was not found":                             {"token-app-unknown", "client_id"},
		"400 unauthorized_client: AADSTS7000112: Application 'x' is disabled.":                                             {"token-app-disabled", "client_id"},
		"400 invalid_request: AADSTS900023: Specified tenant identifier 'x' is neither a valid DNS name":                   {"token-tenant-unknown", "token_url"},
		"400 invalid_request: AADSTS50194: Application 'x' is not configured as a multi-tenant application.":               {"token-tenant-shared", "token_url"},
		"400 invalid_request: AADSTS900382: Confidential Client is not supported in Cross Cloud request.":                  {"token-cloud", "token_url"},
		"400 invalid_scope: AADSTS1002012: The provided value for scope is not valid.":                                     {"token-scope", "scopes"},
		"400 invalid_grant: AADSTS65001: The user or administrator has not consented":                                      {"token-consent", "client_id"},
		"400 interaction_required: AADSTS50079: you must enroll in multifactor authentication":                             {"token-policy", "username"},
		"400 invalid_grant: AADSTS700082: The refresh token has expired due to inactivity.":                                {"token-refresh-expired", "password"},
		"400 invalid_grant: Token has been expired or revoked.":                                                            {"token-refresh-expired", "password"},
		"400 invalid_grant: Invalid JWT Signature.":                                                                        {"token-clock-or-key", "password"},
		"400 invalid_grant: AADSTS50196: The server terminated an operation because it encountered a client request loop.": {"token-too-fast", ""},
		"429 temporarily_unavailable":            {"token-too-fast", ""},
		"503 server_error":                       {"token-throttled", ""},
		"503":                                    {"token-throttled", ""},
		"401 invalid_client":                     {"token-client-rejected", "password"},
		"400 unauthorized_client":                {"token-grant-refused", "client_id"},
		"302: a redirect, which is not followed": {"token-not-an-endpoint", "token_url"},
		"200: no access token that can be used":  {"token-not-an-endpoint", "token_url"},
		"400 something_new: who knows":           {"other-token", ""},
	} {
		if d := Of(failed(site.StageToken, answered+text), microsoft); d.ID != want.id || d.Attribute != want.attribute {
			t.Errorf("%s: %q from %s, want %q from %s", text, d.Attribute, d.ID, want.attribute, want.id)
		}
	}
	google := microsoft
	google.Host = "smtp.gmail.com"
	for text, want := range map[string]string{
		"401 unauthorized_client: Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.": "token-delegation",
		"400 invalid_grant: Invalid email or User ID": "token-mailbox-unknown",
	} {
		if d := Of(failed(site.StageToken, answered+text), google); d.ID != want {
			t.Errorf("%s: got %s", text, d.ID)
		}
	}
}

func TestLoginWithAToken(t *testing.T) {
	s := site.Settings{Host: "smtp.office365.com", Port: 587, Encryption: site.STARTTLS, Username: "shop@example.com", FromAddress: "shop@example.com"}
	for text, want := range map[string]struct {
		stage     site.Stage
		code      int
		id, field string
	}{
		"5.7.3 Authentication unsuccessful [x.prod.outlook.com]":                                    {site.StageAuth, 535, "auth-ms-token-rejected", "username"},
		"5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.": {site.StageAuth, 535, "auth-ms-smtpauth-disabled-token", "username"},
		"4.2.0 STOREDRV; mailbox logon failure; MapiExceptionLogonFailed":                           {site.StageData, 430, "data-ms-mailbox-logon", "username"},
		"5.2.252 SendAsDenied; a@example.com not allowed to send as b@example.com":                  {site.StageData, 554, "data-ms-sendas-token", "from_address"},
	} {
		r := refused(want.stage, want.code, text)
		r.Stages = stages(site.StageToken, site.StageDNS, site.StageConnect)
		if d := Of(r, s); d.ID != want.id || d.Attribute != want.field || d.Retry != site.RetryNever || strings.Contains(d.Remedy, "app password") {
			t.Errorf("%s: got %+v", text, d)
		}
	}
	s.Host = "mail.example.com"
	r := refused(site.StageAuth, 535, "5.7.8 Username and Password not accepted")
	if d := Of(r, s); d.Attribute != "password" {
		t.Errorf("with a password: got %+v", d)
	}
	r.Stages = stages(site.StageToken)
	if d := Of(r, s); d.ID != "auth-token-rejected" {
		t.Errorf("with a token: got %+v", d)
	}
	if d := Of(failed(site.StageAuth, "server offers no login with a token, only PLAIN LOGIN"), s); d.ID != "auth-no-token-login" || d.Attribute != "host" {
		t.Errorf("got %+v", d)
	}
}

// Nobody is advised to log in who has logged in.
func TestAdviceAfterALogin(t *testing.T) {
	s := site.Settings{Host: "mail.example.com", Port: 587, Encryption: site.STARTTLS, Username: "login@example.com", FromAddress: "shop@example.com"}
	for _, text := range []string{
		"550 5.7.1 <ops@example.net>: Relay access denied", "550 relay not permitted", "550 We do not relay", "530 Authentication required",
		"550 Your IP 192.0.2.1 is on our block list", "554 5.7.1 <x[192.0.2.1]>: Client host rejected: Access denied",
	} {
		r := throughAuth(site.StageRcpt, 0, "")
		r.Reply = onWire(t, text)
		if d := Of(r, s); strings.Contains(d.Remedy, "Set username") || strings.Contains(d.Remedy, "with a login") || !strings.Contains(d.Cause, "accepted the login") {
			t.Errorf("%s: got %+v", text, d)
		}
	}
	s.Username = ""
	if d := Of(refused(site.StageRcpt, 530, "SMTP authentication is required."), s); d.Remedy != "Set username and password." {
		t.Errorf("without a login: got %+v", d)
	}
	s.Host = "gmail-smtp-in.l.google.com"
	d := Of(refused(site.StageRcpt, 550, "5.7.1 Your IP 192.0.2.1 has a poor reputation"), s)
	contains(t, d.Remedy, "For an account at Gmail that is host smtp.gmail.com")
}

func TestSenderAdviceOfAService(t *testing.T) {
	s := site.Settings{Host: "live.smtp.mailtrap.io", Username: "api", FromAddress: "shop@example.com"}
	d := Of(throughAuth(site.StageMail, 550, "5.7.1 Sending from domain example.com is not allowed"), s)
	contains(t, d.Remedy, "Verify from_address or its domain at Mailtrap")
}

func TestPasswordsThatEndLeadToTokens(t *testing.T) {
	s := site.Settings{Host: "smtp.office365.com", Port: 587, Encryption: site.STARTTLS, Username: "shop@example.com", FromAddress: "shop@example.com"}
	for text, code := range map[string]int{
		"5.7.139 Authentication unsuccessful, basic authentication is disabled.": 535,
		"5.7.30 Basic authentication is not supported for Client Submission.":    550,
	} {
		s.Host = "smtp.office365.com"
		contains(t, Of(refused(site.StageAuth, code, text), s).Remedy, appBlock)
		s.Host = "smtp-mail.outlook.com"
		contains(t, Of(refused(site.StageAuth, code, text), s).Remedy, ownerBlock)
		s.Host = "mail.example.com"
		if d := Of(refused(site.StageAuth, code, text), s); strings.Contains(d.Remedy, "oauth2") {
			t.Errorf("got %+v", d)
		}
	}
}

// A failure at the token endpoint is no failure of a password: nothing is said of app passwords, or of passwords that end.
func TestTokenFailuresSpeakOfTokens(t *testing.T) {
	failed := site.TestResult{Status: site.Failed, Stage: site.StageToken, Error: "token endpoint answered 401 invalid_client: AADSTS7000222: The provided client secret keys are expired."}
	for host, grant := range map[string]site.Grant{"smtp.office365.com": site.ClientCredentials, "smtp.gmail.com": site.RefreshToken, "smtp-mail.outlook.com": site.RefreshToken} {
		d := Of(failed, site.Settings{Host: host, Username: "shop@example.com", Grant: grant})
		if d.ID != "token-secret-expired" || strings.Contains(d.Cause+d.Remedy, "password") || d.URL != "" {
			t.Errorf("%s: got %+v", host, d)
		}
		want := map[site.Grant]string{site.ClientCredentials: "password", site.RefreshToken: "client_secret"}[grant]
		if d.Attribute != want {
			t.Errorf("%s: blames %q, want %q", grant, d.Attribute, want)
		}
	}
}
