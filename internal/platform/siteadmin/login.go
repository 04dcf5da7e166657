package siteadmin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

type wireLogin struct {
	Username string          `json:"username"`
	Password adminapi.Secret `json:"password"`
}

type wireSession struct {
	Token     adminapi.Secret `json:"token"`
	ExpiresAt time.Time       `json:"expires_at"`
}

func login(a adminapi.Account) adminapi.LoginFunc {
	return func(ctx context.Context, anonymous *adminapi.Client) (adminapi.Grant, error) {
		var session wireSession
		_, err := anonymous.Do(ctx, adminapi.Request{
			Method: http.MethodPost,
			Path:   sessionPath,
			Body:   wireLogin{a.Username, adminapi.Secret{Text: a.Password}},
			Repeat: adminapi.Login,
		}, &session)
		if err != nil {
			return adminapi.Grant{}, err
		}
		if session.Token.IsEmpty() {
			return adminapi.Grant{}, errors.New("the site accepted the login but returned no token")
		}
		return adminapi.Grant{Authorization: secret.New("Bearer " + session.Token.Reveal()), Expires: session.ExpiresAt}, nil
	}
}
