package siteadmin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// statusRunning is the status of a test without a verdict so far.
const statusRunning site.Status = "running"

// pollEvery is the polling interval for a running test if the site sends no Retry-After.
const pollEvery = time.Second

// Test implements [site.Site]. The key makes the request idempotent: the site sends at most one message for it.
func (c *client) Test(ctx context.Context, t site.TestRequest) (site.TestResult, error) {
	if _, err := c.recognise(ctx, t.SiteID); err != nil {
		return site.TestResult{}, err
	}
	if t.Candidate != nil {
		if err := c.checkLogin(ctx, t.Candidate.Settings); err != nil {
			return site.TestResult{}, err
		}
	}
	key, request := uuid.NewString(), toWireTest(t)
	var result wireTest
	answer, err := c.putTest(ctx, key, request, &result)
	if err != nil {
		return site.TestResult{}, sentError(err, request.holds())
	}
	for result.Status == statusRunning {
		if err := adminapi.Sleep(ctx, cmp.Or(answer.RetryAfter, pollEvery)); err != nil {
			return site.TestResult{}, unknownVerdict(err)
		}
		if answer, err = c.getTest(ctx, key, &result); err != nil {
			return site.TestResult{}, unknownVerdict(err)
		}
	}
	return result.fromWire(), nil
}

func (c *client) putTest(ctx context.Context, key string, t wireTestRequest, result *wireTest) (adminapi.Response, error) {
	return c.api.Do(ctx, adminapi.Request{
		Method: http.MethodPut,
		Path:   testPath(key),
		Body:   t,
		Check:  func() error { return result.answers(key) },
		Repeat: adminapi.IfUndone,
		Done: func(ctx context.Context) (bool, error) {
			_, err := c.getTest(ctx, key, result)
			if e, ok := errors.AsType[*adminapi.Error](err); ok && e.Code == codeNotFound {
				return false, nil
			}
			return err == nil, err
		},
	}, result)
}

func (c *client) getTest(ctx context.Context, key string, result *wireTest) (adminapi.Response, error) {
	return c.api.Do(ctx, adminapi.Request{
		Method: http.MethodGet,
		Path:   testPath(key),
		Check:  func() error { return result.answers(key) },
		Repeat: adminapi.Always,
	}, result)
}

func testPath(key string) string { return smtpPath + "/tests/" + key }

// wireTestRequest is the schema TestRequest.
type wireTestRequest struct {
	Settings *site.Settings `json:"settings,omitempty"`
	wireSecrets
	Recipient string `json:"recipient"`
	SiteID    string `json:"site_id,omitempty"`
}

func toWireTest(t site.TestRequest) wireTestRequest {
	w := wireTestRequest{Recipient: t.Recipient, SiteID: t.SiteID}
	if t.Candidate != nil {
		w.Settings, w.wireSecrets = &t.Candidate.Settings, toWireSecrets(t.Candidate.Password, t.Candidate.Adopt)
	}
	return w
}

// holds describes what the receiver of w learns.
func (w wireTestRequest) holds() string {
	switch {
	case w.Settings == nil:
		return "the recipient"
	case w.Password.IsEmpty():
		return "the settings and the recipient"
	}
	return "the settings, the mail password and the recipient"
}

// wireTest is the schema Test. A null string reads as "".
type wireTest struct {
	Key         string            `json:"key"`
	Status      site.Status       `json:"status"`
	Stage       site.Stage        `json:"stage"`
	Reply       *site.Reply       `json:"reply"`
	Error       string            `json:"error"`
	Certificate *site.Certificate `json:"certificate"`
	Stages      []wireStageTime   `json:"stages"`
	Recipient   string            `json:"recipient"`
	MessageID   string            `json:"message_id"`
	TestedAt    *time.Time        `json:"tested_at"`
	Diagnosis   *site.Diagnosis   `json:"diagnosis"`
}

type wireStageTime struct {
	Stage        site.Stage `json:"stage"`
	Milliseconds int64      `json:"milliseconds"`
}

// answers returns an error unless w is the response for the test with this key: its verdict, or that it is running.
func (w *wireTest) answers(key string) error {
	known := []site.Status{statusRunning, site.Passed, site.Failed, site.InDoubt}
	if w.Key == key && slices.Contains(known, w.Status) {
		return nil
	}
	return fmt.Errorf("it is not a verdict on test %s, so it is not known whether a message was sent", key)
}

func (w *wireTest) fromWire() site.TestResult {
	result := site.TestResult{
		Status:      w.Status,
		Stage:       w.Stage,
		Reply:       w.Reply,
		Error:       w.Error,
		Certificate: w.Certificate,
		Recipient:   w.Recipient,
		MessageID:   w.MessageID,
		Diagnosis:   w.Diagnosis,
	}
	for _, s := range w.Stages {
		result.Stages = append(result.Stages, site.StageTime{Stage: s.Stage, Duration: time.Duration(s.Milliseconds) * time.Millisecond})
	}
	if w.TestedAt != nil {
		result.TestedAt = *w.TestedAt
	}
	return result.Shown(untrusted.Brief)
}
