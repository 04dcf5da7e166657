package siteadmin

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// pollEvery is how often a running test is asked for when the site does not say.
const pollEvery = time.Second

// Test implements [site.Site]. The key makes the call repeatable: the site sends one message for it at most.
func (c *client) Test(ctx context.Context, t site.Test) (site.TestResult, error) {
	if _, err := c.recognise(ctx, t.SiteID); err != nil {
		return site.TestResult{}, err
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
		Method:  http.MethodPut,
		Path:    testPath(key),
		Body:    t,
		Secrets: []secret.Text{t.Password.Text},
		Check:   func() error { return result.answers(key) },
		Repeat:  adminapi.IfUndone,
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
