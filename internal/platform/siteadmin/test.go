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
	if err := c.recognise(ctx, t.SiteID); err != nil {
		return site.TestResult{}, err
	}
	key := uuid.NewString()
	var result wireTest
	answer, err := c.putTest(ctx, key, t, &result)
	if err != nil {
		return site.TestResult{}, siteError(err, site.NoAnswer)
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

func (c *client) putTest(ctx context.Context, key string, t site.Test, result *wireTest) (adminapi.Response, error) {
	request := adminapi.Request{
		Method: http.MethodPut,
		Path:   testPath(key),
		Body:   toWireTest(t),
		Check:  func() error { return result.answers(key) },
		Repeat: adminapi.IfUndone,
		Done: func(ctx context.Context) (bool, error) {
			_, err := c.getTest(ctx, key, result)
			if e, ok := errors.AsType[*adminapi.Error](err); ok && e.Code == codeNotFound {
				return false, nil
			}
			return err == nil, err
		},
	}
	if t.Candidate != nil {
		request.Secrets = []secret.Text{t.Candidate.Password}
	}
	return c.api.Do(ctx, request, result)
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
