package siteadmin_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// echo refuses a request and repeats all of it.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	detail, _ := json.Marshal(fmt.Sprintf("cannot read %s from %v", body, r.Header))
	adminapitest.Problem(400, "malformed", `"detail":`+string(detail))(w, r)
}

func TestR28ErrorsRepeatNoSecretThatASiteEchoes(t *testing.T) {
	calls := map[string]func(context.Context, site.Site) error{
		putTest: writes("")["Test"], putSMTP: writes("")["Save"],
		postSession: func(ctx context.Context, opened site.Site) error {
			_, err := opened.Read(ctx)
			return err
		},
	}
	for call, run := range calls {
		t.Run(strings.Fields(call)[1], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t)
				account, steps := token, recognised(s)
				if call == postSession {
					account, steps = adminapi.Account{Username: "admin", Password: secret.New("a login password")}, nil
				}
				err := run(t.Context(), s.play(account, append(steps, s.fault(call, echo))...))
				for _, hidden := range []secret.Text{candidate.Password, token.Token, account.Password} {
					if !hidden.IsEmpty() && strings.Contains(fmt.Sprintf("%v %+v %q", err, err, err), hidden.Reveal()) {
						t.Errorf("the error shows a secret: %v", err)
					}
				}
				if !strings.Contains(flat(err), "[redacted]") {
					t.Errorf("the response echoed no secret, so this tested nothing: %v", err)
				}
			})
		})
	}
}

// A site that fails while it is asked about an earlier request may show that request's content, as PHP's traces do.
func TestR28NoLaterAnswerRepeatsTheMailPassword(t *testing.T) {
	password := candidate.Password.Reveal()
	plain := base64.StdEncoding.EncodeToString([]byte("\x00mailer@example.com\x00" + password))
	trace := adminapitest.Problem(500, "internal", fmt.Sprintf(`"detail":"#0 handle('%s') #1 command('AUTH PLAIN %s')"`, password, plain))
	const want = "#0 handle('[redacted]') #1 command('AUTH PLAIN [redacted]')"
	for name, tt := range map[string]struct {
		steps func(*script) []step
		run   func(context.Context, site.Site) error
	}{
		"AfterALostTest": {func(s *script) []step {
			return append([]step{s.fault(putTest, adminapitest.Reset)}, slices.Repeat([]step{s.fault(getTest, trace)}, 4)...)
		}, writes("")["Test"]},
		"WhileATestRuns": {func(s *script) []step {
			return append([]step{s.on(putTest, tested(202, running))}, slices.Repeat([]step{s.fault(getTest, trace)}, 4)...)
		}, writes("")["Test"]},
		"AfterALostSave": {func(s *script) []step {
			return append([]step{s.fault(putSMTP, adminapitest.Reset)}, slices.Repeat([]step{s.fault(getSMTP, trace)}, 4)...)
		}, writes("")["Save"]},
		"InTheReadAfterAFailedSave": {func(s *script) []step {
			return append([]step{s.fault(putSMTP, adminapitest.HTML(400))}, slices.Repeat([]step{s.fault(getSMTP, trace)}, 4)...)
		}, func(ctx context.Context, opened site.Site) error {
			if err := writes("")["Save"](ctx, opened); err == nil {
				t.Error("the save succeeded")
			}
			_, err := opened.Read(ctx)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t)
				err := tt.run(t.Context(), s.play(token, append(recognised(s), tt.steps(s)...)...))
				if !strings.Contains(flat(err), want) {
					t.Errorf("got %v, want %s", err, want)
				}
			})
		})
	}
}
