package siteadmin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
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
						t.Errorf("a secret in %v", err)
					}
				}
				if !strings.Contains(flat(err), "[redacted]") {
					t.Errorf("nothing was echoed, so nothing was tested: %v", err)
				}
			})
		})
	}
}
