package adminapi_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

type login struct {
	Password adminapi.Secret `json:"password"`
	Token    adminapi.Secret `json:"token,omitzero"`
}

func TestASecretShowsInJSONAlone(t *testing.T) {
	sent := login{Password: adminapi.Secret{Text: secret.New(`a "word"`)}}
	got, err := json.Marshal(sent)
	if want := `{"password":"a \"word\""}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if text := fmt.Sprintf(verb, sent.Password); text != "[redacted]" {
			t.Errorf("%s shows %q", verb, text)
		}
	}
	var read login
	if err := json.Unmarshal([]byte(`{"password":"one","token":"two"}`), &read); err != nil ||
		read.Password.Reveal() != "one" || read.Token.Reveal() != "two" {
		t.Errorf("got %v, or a secret was not read", err)
	}
}

// A site that fails may show what it was sent before, to whichever call.
func TestLaterAnswersRepeatNoSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mail := secret.New("canary of a mail password")
		tells := adminapitest.Problem(500, "internal", `"detail":"#0 handle('`+mail.Reveal()+`') #1 login('`+
			base64.StdEncoding.EncodeToString([]byte("\x00user\x00"+mail.Reveal()))+`')"`)
		session := adminapi.Session(func(ctx context.Context, anonymous *adminapi.Client) (adminapi.Grant, error) {
			_, err := anonymous.Do(ctx, adminapi.Request{
				Method: "POST", Path: "/session", Body: login{Password: adminapi.Secret{Text: mail}},
			}, nil)
			return adminapi.Grant{Authorization: secret.New("Bearer token")}, err
		})
		client := play(t, session,
			adminapitest.Step{Call: "POST /session", Answer: fine},
			adminapitest.Step{Call: "GET /thing", Answer: tells},
		)
		_, err := client.Do(t.Context(), adminapi.Request{Method: "GET", Path: "/thing"}, nil)
		if want := "handle('[redacted]') #1 login('[redacted]')"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}

// A token of a product that knows no scheme is a secret as any other.
func TestATokenWithoutASchemeIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := adminapi.Session(func(context.Context, *adminapi.Client) (adminapi.Grant, error) {
			return adminapi.Grant{Authorization: secret.New("canary-token")}, nil
		})
		client := play(t, session, adminapitest.Step{Call: "GET /thing", Answer: adminapitest.Problem(403, "forbidden", `"detail":"not with canary-token"`)})
		if _, err := client.Do(t.Context(), adminapi.Request{Method: "GET", Path: "/thing"}, nil); err == nil || !strings.Contains(err.Error(), "not with [redacted]") {
			t.Errorf("got %v", err)
		}
	})
}

// JSON has the members of an embedded struct, whether its type is exported or not.
func TestASecretOfAnEmbeddedStructIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := struct {
			login
			Host string
		}{login{Password: adminapi.Secret{Text: secret.New("canary")}}, "smtp.example.com"}
		tells := adminapitest.Step{Call: "PUT /thing", Answer: adminapitest.Problem(422, "invalid", `"detail":"not with canary"`), Check: func(t adminapitest.T, _ *http.Request, body string) {
			if !strings.Contains(body, `"password":"canary"`) {
				t.Errorf("sent %s", body)
			}
		}}
		_, err := play(t, nil, tells).Do(t.Context(), adminapi.Request{Method: "PUT", Path: "/thing", Body: body}, nil)
		if err == nil || !strings.HasSuffix(err.Error(), "not with [redacted]") {
			t.Errorf("got %v", err)
		}
	})
}

// A session that was renewed during a request has a token of its own.
func TestARenewedTokenIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tells := adminapitest.Problem(403, "forbidden", `"detail":"neither canary-one nor canary-two"`)
		client := play(t, sessions(0), logsIn("canary-one"), uses("canary-one", rejected), logsIn("canary-two"), uses("canary-two", tells))
		if err := get(t.Context(), client, nil); err == nil || !strings.Contains(err.Error(), "neither [redacted] nor [redacted]") {
			t.Errorf("got %v", err)
		}
	})
}

// Calls at the same time know each other's secrets, also those that were sent while a call was under way.
func TestCallsAtOnceRepeatNoSecretOfEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls = 20
		sent := make(chan struct{})
		var waiting sync.WaitGroup
		waiting.Add(calls)
		tells := func(w http.ResponseWriter, r *http.Request) {
			waiting.Done()
			<-sent
			adminapitest.Problem(500, "internal", `"detail":"canary-of-a-mail-password"`)(w, r)
		}
		client := play(t, nil, append(slices.Repeat([]adminapitest.Step{{Call: "GET /thing", Answer: tells}}, calls),
			adminapitest.Step{Call: "PUT /thing", Answer: fine})...)
		var running sync.WaitGroup
		for range calls {
			running.Go(func() {
				_, err := client.Do(t.Context(), adminapi.Request{Method: "GET", Path: "/thing"}, nil)
				if err == nil || strings.Contains(err.Error(), "canary") {
					t.Errorf("got %v", err)
				}
			})
		}
		waiting.Wait()
		_, err := client.Do(t.Context(), adminapi.Request{
			Method: "PUT", Path: "/thing", Body: login{Password: adminapi.Secret{Text: secret.New("canary-of-a-mail-password")}},
		}, nil)
		if err != nil {
			t.Error(err)
		}
		close(sent)
		running.Wait()
	})
}
