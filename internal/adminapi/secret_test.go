package adminapi_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
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
		t.Errorf("%v: a secret was not read", err)
	}
}
