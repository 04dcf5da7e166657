package siteadmin_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// writes are the calls that change something or carry a secret, for a site with the given ID.
func writes(id string) map[string]func(context.Context, site.Site) error {
	return map[string]func(context.Context, site.Site) error{
		"Test": func(ctx context.Context, opened site.Site) error {
			_, err := opened.Test(ctx, site.TestRequest{Candidate: &candidate, Recipient: "ops@example.com", SiteID: id})
			return err
		},
		"Save": func(ctx context.Context, opened site.Site) error {
			_, err := opened.Save(ctx, site.SaveRequest{Settings: settings, Password: candidate.Password, Revision: "7", SiteID: id})
			return err
		},
		"Clear": func(ctx context.Context, opened site.Site) error {
			return opened.Clear(ctx, site.ClearRequest{Revision: "7", SiteID: id})
		},
	}
}

func TestNothingIsSentToASiteThatIsNotRecognised(t *testing.T) {
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   site.Kind
		text   string
	}{
		"R27 newer version": {
			adminapitest.JSON(200, `{"api_version":2,"site_id":{"of":"another shape"}}`), site.Unsupported,
			"the site implements version 2 of the site admin contract, but this provider supports only version 1",
		},
		"no version":       {smtp(`{"api_version":0}`), site.Unexpected, "not from a site admin API"},
		"negative version": {smtp(`{"api_version":-1}`), site.Unexpected, "not from a site admin API"},
		"no site ID":       {smtp(`{"site_id":""}`), site.Unexpected, "not from a site admin API"},
		"no revision":      {smtp(`{"revision":""}`), site.Unexpected, "not from a site admin API"},
		"hostile revision": {smtp(`{"revision":"7\"\r\nX: y"}`), site.Unexpected, "not from a site admin API"},
		"no settings":      {smtp(`{"settings":null}`), site.Unexpected, "not from a site admin API"},
		"other API":        {adminapitest.JSON(200, `{"hello":"world"}`), site.Unexpected, "not from a site admin API"},
		"an array":         {adminapitest.JSON(200, `[]`), site.Unexpected, "check url"},
		"null":             {adminapitest.JSON(200, `null`), site.Unexpected, "not from a site admin API"},
		"a page":           {adminapitest.HTML(200), site.Unexpected, "check url"},
		"an error":         {adminapitest.Problem(401, "unauthorized"), site.Unauthorized, "401 unauthorized"},
	} {
		calls := writes("")
		calls["Read"] = func(ctx context.Context, opened site.Site) error {
			_, err := opened.Read(ctx)
			return err
		}
		for call, run := range calls {
			t.Run(call+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newScript(t)
					err := run(limit(t), s.play(token, s.fault(getSMTP, tt.answer)))
					if site.KindOf(err) != tt.want || !strings.Contains(flat(err), tt.text) {
						t.Errorf("got %q: %v", site.KindOf(err), err)
					}
				})
			})
		}
	}
}

func TestNothingIsSentToAnotherSite(t *testing.T) {
	for _, call := range []string{"Test", "Save", "Clear"} {
		synctest.Test(t, func(t *testing.T) {
			s := newScript(t)
			opened := s.play(token, s.on(getSMTP, smtp("")))
			if _, err := opened.Read(t.Context()); err != nil {
				t.Fatal(err)
			}
			err := writes("site-0")[call](limit(t), opened)
			if site.KindOf(err) != site.WrongSite || !strings.Contains(flat(err), `"site-1" instead of "site-0"; nothing was sent to it`) {
				t.Errorf("%s: got %q: %v", call, site.KindOf(err), err)
			}
		})
	}
}

func TestPinnedSiteIsNotReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		opened := s.play(token, s.on(putTest, tested(200, "")), s.on(putSMTP, s.written))
		for _, call := range []string{"Test", "Save"} {
			if err := writes("site-1")[call](t.Context(), opened); err != nil {
				t.Errorf("%s: %v", call, err)
			}
		}
	})
}

func TestSiteIsRecognisedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		opened := s.play(token,
			s.on(getSMTP, smtp("")), s.on(putTest, tested(200, "")), s.on(putSMTP, s.written), s.on(deleteSMTP, smtp(cleared)))
		if _, err := opened.Read(t.Context()); err != nil {
			t.Error(err)
		}
		for _, call := range []string{"Test", "Save", "Clear"} {
			if err := writes("site-1")[call](t.Context(), opened); err != nil {
				t.Errorf("%s: %v", call, err)
			}
		}
	})
}

// A site of version 0.1 would refuse the new settings as malformed, or misinterpret them.
func TestTokenLoginsNeedASiteThatTakesThem(t *testing.T) {
	withToken := candidate
	withToken.Settings.Grant, withToken.Settings.TokenURL, withToken.Settings.ClientID = site.ClientCredentials, "https://login.example.com/token", "app"
	calls := map[string]func(context.Context, site.Site) error{
		"Test": func(ctx context.Context, opened site.Site) error {
			_, err := opened.Test(ctx, site.TestRequest{Candidate: &withToken, Recipient: "ops@example.com", SiteID: "site-1"})
			return err
		},
		"Save": func(ctx context.Context, opened site.Site) error {
			_, err := opened.Save(ctx, site.SaveRequest{Settings: withToken.Settings, Password: withToken.Password, Revision: "7", SiteID: "site-1"})
			return err
		},
	}
	for call, run := range calls {
		for methods, refused := range map[string]bool{`{}`: true, `{"auth_methods":["password"]}`: true, `{"auth_methods":["password","oauth2"]}`: false} {
			t.Run(call+"/"+methods, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newScript(t)
					steps := []step{s.on(getSMTP, smtp(methods))}
					if !refused {
						next := map[string]string{"Test": putTest, "Save": putSMTP}[call]
						steps = append(steps, s.on(next, adminapitest.Problem(409, "wrong_site")))
					}
					err := run(limit(t), s.play(token, steps...))
					if refused != (site.KindOf(err) == site.Unsupported) || refused && !strings.Contains(err.Error(), "nothing was sent to it") {
						t.Errorf("got %v", err)
					}
				})
			})
		}
	}
}
