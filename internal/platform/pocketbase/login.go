package pocketbase

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
)

type wireLogin struct {
	Identity string          `json:"identity"`
	Password adminapi.Secret `json:"password"`
}

type wireSession struct {
	Token adminapi.Secret `json:"token"`
}

func login(a adminapi.Account) adminapi.LoginFunc {
	return func(ctx context.Context, anonymous *adminapi.Client) (adminapi.Grant, error) {
		var session wireSession
		_, err := anonymous.Do(ctx, adminapi.Request{
			Method: http.MethodPost,
			Path:   superusersPath + "/auth-with-password",
			Body:   wireLogin{a.Username, adminapi.Secret{Text: a.Password}},
			Repeat: adminapi.Login,
		}, &session)
		switch {
		case err != nil:
			return adminapi.Grant{}, explainLogin(err)
		case session.Token.IsEmpty():
			return adminapi.Grant{}, errors.New("PocketBase accepted the login but returned no token")
		}
		return adminapi.Grant{Authorization: session.Token.Text}, nil
	}
}

// explainLogin adds an explanation that PocketBase's refusal lacks.
func explainLogin(err error) error {
	e, ok := errors.AsType[*adminapi.Error](err)
	if !ok {
		return err
	}
	var second struct {
		ID string `json:"mfaId"`
	}
	switch {
	case e.Status == http.StatusNotFound:
		return fmt.Errorf("%w; superusers exist since PocketBase 0.23: check url and the version", err)
	case e.Status == http.StatusUnauthorized && e.Decode(&second) == nil && second.ID != "":
		return fmt.Errorf("%w; the account requires a second factor: use an impersonation token of the account instead", err)
	}
	return err
}
