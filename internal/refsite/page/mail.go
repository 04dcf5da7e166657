package page

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/api"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// shownTests is how many recent tests the page lists.
const shownTests = 8

// show responds with the mail page, or with the login form.
func (v visit) show() error {
	done := v.r.URL.Query().Get("done")
	if v.user == "" {
		return v.askLogin(http.StatusOK, "", goodbyes[done])
	}
	o, err := v.site.Overview(shownTests)
	if err != nil {
		return err
	}
	m := v.mail(o)
	if text := success(done, o); text != "" {
		m.Notice = &notice{Tone: "good", Title: text}
	}
	m.choose(v.r.URL.Query())
	render(v.w, http.StatusOK, "mail", &m)
	return nil
}

// goodbyes are the messages of the login form after a successful step.
var goodbyes = map[string]string{"logout": "You are logged out."}

// success returns the message after a successful step. It returns only what is still true, because the page may be reopened later at
// the same URL.
func success(done string, o core.Overview) string {
	switch {
	case o.Settings.IsZero():
		return ""
	case done == "enabled" && o.Enabled:
		return "Mail is on."
	case done == "disabled" && !o.Enabled:
		return "Mail is off. The settings are kept."
	case done == "off" && !o.Enabled && o.Pass == nil:
		return "Saved. Mail is off until these settings pass a test."
	case done == "off", done == "saved":
		return "Saved."
	}
	return ""
}

// save saves what was entered. Mail stays on only if nothing was changed, because a change has to be tested first.
func (v visit) save() error {
	o, err := v.site.Overview(shownTests)
	if err != nil {
		return err
	}
	form := v.r.PostForm
	settings := entered(form.Get)
	password := enteredSecret(form.Get, settings.Grant)
	keepsOn := o.Enabled && settings == o.Settings && password.IsEmpty()
	_, err = v.site.Commit(v.user, core.Write{SaveRequest: site.SaveRequest{
		Settings: settings, Password: password, Enabled: keepsOn, Revision: form.Get("revision"),
	}})
	if err != nil {
		return v.explain(err, func(m *mail) { m.enter(settings, form.Get("port")) })
	}
	if o.Enabled && !keepsOn {
		return v.redirect("?done=off")
	}
	return v.redirect("?done=saved")
}

// entered returns the settings in a form. If the sender is empty and the username is an address, it is the sender.
func entered(get func(string) string) site.Settings {
	var s site.Settings
	for _, d := range site.AllSettings() {
		_ = d.SetText(&s, strings.TrimSpace(get(d.Name))) // a port that is not a number stays 0
	}
	s.Scopes = site.JoinScopes(strings.Fields(s.Scopes))
	if s.Grant == "" {
		s.TokenURL, s.ClientID, s.Scopes = "", "", ""
	}
	if s.FromAddress == "" && strings.Contains(s.Username, "@") {
		s.FromAddress = s.Username
	}
	return s
}

// enteredSecret returns the login's secret in a form: the password, or a refresh token joined with the client secret.
func enteredSecret(get func(string) string, grant site.Grant) secret.Text {
	password := secret.New(get("password"))
	if grant != site.RefreshToken {
		return password
	}
	return secret.Join(password, secret.New(get("client_secret")))
}

// test sends a test message with what is saved and the password that was entered again.
func (v visit) test() error {
	o, err := v.site.Overview(shownTests)
	if err != nil {
		return err
	}
	form := v.r.PostForm
	key, recipient := form.Get("key"), strings.TrimSpace(form.Get("recipient"))
	if err = v.startTest(o, key, recipient); err != nil {
		return v.explain(err, func(m *mail) { m.Test.Recipient = recipient })
	}
	return v.redirect("?test=" + key + "#outcome")
}

func (v visit) startTest(o core.Overview, key, recipient string) error {
	form := v.r.PostForm
	switch {
	case uuid.Validate(key) != nil:
		return problem.New(problem.Malformed, "The form does not belong to this page.")
	case o.Settings.IsZero():
		return problem.New(problem.NotConfigured, "No settings are saved, so there is nothing to test.")
	case form.Get("revision") != o.Revision:
		// The password was entered for what the page showed.
		return &problem.Error{Code: problem.Stale, Revision: o.Revision, UpdatedBy: o.UpdatedBy, Detail: "The site was changed since it was read."}
	}
	c := site.Candidate{Settings: o.Settings, Password: enteredSecret(form.Get, o.Settings.Grant)}
	_, err := v.site.PutTest(v.r.Context(), key, site.TestRequest{Candidate: &c, Recipient: recipient})
	return err
}

// turn switches mail on or off and changes nothing else.
func (v visit) turn() error {
	state, err := v.site.Read()
	if err != nil {
		return err
	}
	on := v.r.PostForm.Get("enabled") == "true"
	_, err = v.site.Commit(v.user, core.Write{SaveRequest: site.SaveRequest{
		Settings: state.Settings, Enabled: on, Revision: v.r.PostForm.Get("revision"),
	}})
	switch {
	case err != nil:
		return v.explain(err, func(*mail) {})
	case on:
		return v.redirect("?done=enabled")
	}
	return v.redirect("?done=disabled")
}

// explain responds with the mail page and the reason why nothing was changed. refill restores what was entered, except passwords.
func (v visit) explain(err error, refill func(*mail)) error {
	failure := problem.Of(err)
	status := api.Status(failure.Code)
	if status >= http.StatusInternalServerError {
		return err
	}
	o, err := v.site.Overview(shownTests)
	if err != nil {
		return err
	}
	m := v.mail(o)
	refill(&m)
	m.blame(v.r.URL.Path, failure, v.r.PostForm.Get("read"))
	if failure.RetryAfter > 0 {
		v.w.Header().Set("Retry-After", api.Seconds(failure.RetryAfter))
	}
	render(v.w, status, "mail", &m)
	return nil
}

// again returns a sentence, with a leading space, that says when to try again; "" if there is no need to wait.
func again(wait time.Duration) string {
	switch minutes := int((wait + time.Minute - 1) / time.Minute); {
	case wait <= 0:
		return ""
	case minutes == 1:
		return " Try again in a minute."
	default:
		return fmt.Sprintf(" Try again in %d minutes.", minutes)
	}
}
