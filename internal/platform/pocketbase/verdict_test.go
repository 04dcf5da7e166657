package pocketbase_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

const recipient = "ops@example.test"

func TestVerdicts(t *testing.T) {
	failed := func(text string) string {
		return `{"data":{},"message":"Failed to send the test email. Raw error: \n` + text + `","status":400}`
	}
	for name, tt := range map[string]struct {
		answer step
		want   site.TestResult
	}{
		"Passed": {step{Call: postTest, Answer: adminapitest.JSON(204, "")}, site.TestResult{Status: site.Passed, Stage: site.StageData}},
		"Recipient": {refuses(postTest, 400, failed(`550 \"5.1.1 no such user\".`)), site.TestResult{
			Status: site.Failed, Reply: &site.Reply{Code: 550, EnhancedCode: "5.1.1", Text: "no such user"},
		}},
		"Login": {refuses(postTest, 400, failed(`535 \"5.7.8 authentication failed\".`)), site.TestResult{
			Status: site.Failed, Stage: site.StageAuth, Reply: &site.Reply{Code: 535, EnhancedCode: "5.7.8", Text: "authentication failed"},
		}},
		"Connection": {refuses(postTest, 400, failed(`dial tcp 127.0.0.1:1: connect: connection refused.`)), site.TestResult{
			Status: site.Failed, Stage: site.StageConnect, Error: "dial tcp 127.0.0.1:1: connect: connection refused",
		}},
		"Doubt": {refuses(postTest, 400, failed(`EOF.`)), site.TestResult{Status: site.InDoubt, Stage: site.StageData, Error: "EOF"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				body := `{"email":"ops@example.test","template":"verification"}`
				got, err := play(t, token, recognised(), on(getSettings, enabled), with(body, tt.answer)).
					Test(t.Context(), site.TestRequest{Recipient: recipient, SiteID: siteID})
				tt.want.Recipient, tt.want.TestedAt = recipient, time.Now()
				if err != nil || !reflect.DeepEqual(got, tt.want) {
					t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
				}
			})
		})
	}
}

// With mail off, PocketBase would test the local sendmail.
func TestDisabledMailIsNotTested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := play(t, token, recognised(), on(getSettings, disabled)).Test(t.Context(), site.TestRequest{Recipient: recipient})
		if site.KindOf(err) != site.Unsupported {
			t.Errorf("got %v", err)
		}
	})
}

func TestCandidatesAreNotTested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := play(t, token).Test(t.Context(), site.TestRequest{Candidate: &site.Candidate{Settings: settings}, Recipient: recipient})
		if site.KindOf(err) != site.Unsupported {
			t.Errorf("got %v", err)
		}
	})
}

// Tests cannot be identified, so a test is retried only if it certainly did not arrive.
func TestATestIsSentOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		steps []step
		want  site.Kind
	}{
		"Refused": {[]step{{Dial: adminapitest.Refused()}, {Call: postTest, Answer: adminapitest.JSON(204, "")}}, ""},
		"Reset":   {[]step{{Call: postTest, Answer: adminapitest.Reset}}, site.NoAnswer},
		"Silence": {[]step{{Call: postTest, Answer: adminapitest.Silence}}, site.NoAnswer},
		"500":     {[]step{refuses(postTest, 500, `{"data":{},"message":"Something went wrong.","status":500}`)}, site.NoAnswer},
		"502":     {[]step{{Call: postTest, Answer: adminapitest.HTML(502)}}, site.NoAnswer},
		"429":     {[]step{refuses(postTest, 429, `{"data":{},"message":"Too Many Requests.","status":429}`)}, site.RateLimited},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				steps := append([]step{recognised(), on(getSettings, enabled)}, tt.steps...)
				_, err := play(t, token, steps...).Test(t.Context(), site.TestRequest{Recipient: recipient})
				if site.KindOf(err) != tt.want || tt.want == "" && err != nil {
					t.Errorf("got %v, want %q", err, tt.want)
				}
			})
		})
	}
}

func TestRefusals(t *testing.T) {
	const message = `"message":"An error occurred while saving the new settings.","status":400}`
	for name, tt := range map[string]struct {
		body        string
		kind        site.Kind
		field, text string
	}{
		"Host":      {`{"data":{"smtp":{"authMethod":{"code":"validation_in_invalid","message":"Must be a valid value."},"host":{"code":"validation_required","message":"Cannot be blank."}}},` + message, site.Invalid, "host", "Cannot be blank."},
		"Port":      {`{"data":{"smtp":{"port":{"code":"x","message":"Too low."}}},` + message, site.Invalid, "port", "Too low."},
		"LocalName": {`{"data":{"smtp":{"localName":{"code":"x","message":"No host."}}},` + message, site.Invalid, "helo_name", "No host."},
		"Sender":    {`{"data":{"meta":{"senderAddress":{"code":"x","message":"No address."}}},` + message, site.Invalid, "from_address", "No address."},
		"Name":      {`{"data":{"meta":{"senderName":{"code":"x","message":"Cannot be blank."}}},` + message, site.Invalid, "from_name", "Cannot be blank."},
		"Other":     {`{"data":{"s3":{"bucket":{"code":"x","message":"No."}}},` + message, site.Unexpected, "", "An error occurred while saving"},
		"Shapeless": {`{"data":{"smtp":"no"},` + message, site.Unexpected, "", "An error occurred while saving"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := play(t, token, recognised(), refuses(patchSettings, 400, tt.body)).Save(t.Context(), site.SaveRequest{Settings: settings, Password: password})
				e, ok := errors.AsType[*site.Error](err)
				if !ok || e.Kind != tt.kind || e.Field != tt.field || !strings.Contains(e.Message, tt.text) {
					t.Errorf("got %+v", e)
				}
			})
		})
	}
	t.Run("Recipient", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, err := play(t, token, recognised(), on(getSettings, enabled), refuses(postTest, 400,
				`{"data":{"email":{"code":"validation_is_email","message":"Must be a valid email address."}},"message":"Failed to send the test email.","status":400}`)).
				Test(t.Context(), site.TestRequest{Recipient: "nope"})
			if e, ok := errors.AsType[*site.Error](err); !ok || e.Kind != site.Invalid || e.Field != "recipient" {
				t.Errorf("got %v", err)
			}
		})
	})
}
