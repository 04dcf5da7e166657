package page_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// canEnable reports whether the page offers to enable mail.
func (b *window) canEnable() bool {
	button := b.find(func(n *html.Node) bool {
		return n.Data == "button" && attribute(n, "name") == "enabled" && attribute(n, "value") == "true"
	})
	return button != nil && !has(button, "disabled")
}

var on = url.Values{"enabled": {"true"}}

func TestTheSteps(t *testing.T) {
	w := start(t)
	b := w.loggedIn()
	b.want("state", "Mail is off. Nothing is saved yet.")
	b.want("updated", "Never updated.")
	if b.canEnable() {
		t.Error("mail can be enabled before anything was saved")
	}

	b.submit("/save", w.settings())
	b.want("notice", "Saved.")
	b.want("state", "saved and not tested yet")
	b.want("updated", "Last update")
	b.want("settings-form", "A password is set on")
	b.want("settings-form", "by admin")
	if b.field("from_address") != mailer || b.field("password") != "" || strings.Contains(b.text, mailPassword) {
		t.Errorf("the form shows other values than the saved ones, or a password: %s", b.text)
	}
	if b.canEnable() {
		t.Error("mail can be enabled without a passed test")
	}

	test := url.Values{"recipient": {recipient}, "password": {mailPassword}}
	b.submit("/test", test)
	b.want("outcome", "The server accepted the message.")
	b.want("outcome", "dns passed connect passed tls passed login passed sender passed recipient passed accepted passed")
	b.want("state", "passed a test just now")
	b.want("past", "passed")
	if len(w.mail.Messages()) != 1 || !b.canEnable() {
		t.Errorf("got %d messages", len(w.mail.Messages()))
	}

	b.submit("/switch", on)
	b.want("state", "Mail is on.")
	if !w.state().Enabled {
		t.Error("mail is not enabled")
	}
	b.submit("/save", url.Values{})
	b.want("notice", "Saved.")
	if !w.state().Enabled {
		t.Error("saving unchanged settings switched mail off")
	}
	entries := w.settings()
	entries.Set("from_name", "Other")
	b.submit("/save", entries)
	b.want("notice", "Mail is off until these settings pass a test.")
	b.want("state", "changed after the last test that passed")
	b.want("state", "Changed since test")
	if w.state().Enabled || b.canEnable() {
		t.Error("mail is enabled, or can be, without a passed test")
	}
	b.submit("/test", test)
	b.submit("/switch", on)
	b.submit("/switch", url.Values{"enabled": {"false"}})
	b.want("notice", "Mail is off. The settings are kept.")
	if state := w.state(); state.Enabled || state.Settings.FromName != "Other" {
		t.Errorf("got %+v", state)
	}
}

// The URL after a step stays in the browser and its history.
func TestOutdatedSuccessMessageIsNotShown(t *testing.T) {
	w := start(t)
	b := w.loggedIn()
	says := func(done, want string) {
		t.Helper()
		b.get("?done=" + done)
		if got := b.shows("notice"); got != want {
			t.Errorf("after %s it says %q, want %q", done, got, want)
		}
	}
	for _, done := range []string{"saved", "off", "enabled", "disabled", "other"} {
		says(done, "")
	}
	b.submit("/save", w.settings())
	says("enabled", "")
	says("disabled", "Mail is off. The settings are kept.")
	says("off", "Saved. Mail is off until these settings pass a test.")
	b.submit("/test", url.Values{"recipient": {recipient}, "password": {mailPassword}})
	says("off", "Saved.")
	b.submit("/switch", on)
	says("enabled", "Mail is on.")
	says("disabled", "")
	says("off", "Saved.")
	says("saved", "Saved.")
}

func TestExpiredPass(t *testing.T) {
	w := start(t)
	b := w.loggedIn()
	b.submit("/save", w.settings())
	b.submit("/test", url.Values{"recipient": {recipient}, "password": {mailPassword}})
	w.ahead.Store(int64(61 * time.Minute))
	b = w.loggedIn()
	b.want("state", "The last pass is too old")
	b.submit("/switch", on)
	b.want("notice", "passed a test in the last")
	if b.status != http.StatusConflict {
		t.Errorf("got %d, want %d", b.status, http.StatusConflict)
	}
}

func TestOnlyThePasswordChanges(t *testing.T) {
	w := start(t)
	b := w.loggedIn()
	b.submit("/save", w.settings())
	b.submit("/test", url.Values{"recipient": {recipient}, "password": {mailPassword}})
	b.submit("/switch", on)
	before := w.state()
	b.submit("/save", url.Values{"password": {"another"}})
	b.want("state", "changed after the last test")
	if after := w.state(); after.Enabled || after.PasswordID == before.PasswordID || after.Settings != before.Settings {
		t.Errorf("got %+v", after)
	}
}

func TestUnsavedPasswordPasses(t *testing.T) {
	w := start(t)
	b := w.loggedIn()
	entries := w.settings()
	entries.Set("password", "mistyped")
	b.submit("/save", entries)
	b.submit("/test", url.Values{"recipient": {recipient}, "password": {mailPassword}})
	b.want("outcome", "The password typed for this test is not the saved one. It works: save it, then test again.")
	b.want("state", "The password typed for the last test is not the saved one.")
	b.want("past", "with a password that is not saved")
	if b.canEnable() {
		t.Error("mail can be enabled with an untested password")
	}
}

func TestFailedTest(t *testing.T) {
	w := start(t)
	b := w.loggedIn()
	entries := w.settings()
	entries.Set("password", "wrong")
	b.submit("/save", entries)
	b.submit("/test", url.Values{"recipient": {recipient}, "password": {"wrong"}})
	b.want("outcome", "The test failed: ")
	b.want("outcome", "tls passed login failed sender not reached")
	b.want("outcome", "The server said: 535")
	b.want("outcome", "Check username")
	b.want("state", "The last test of the saved settings failed: The server rejected the username or password.")
	b.submit("/test", url.Values{"recipient": {recipient}, "password": {"mistyped"}})
	b.want("outcome", "The password typed for this test is not the saved one. You may have mistyped it")
	b.want("state", "The last test failed: ")
	b.want("state", "Its password was not the saved one")
	if b.canEnable() || len(w.mail.Messages()) != 0 {
		t.Error("mail can be enabled, or a message was sent")
	}
}

// hold makes the mail server wait once it has the whole message, until it is released.
func (w *testbed) hold() (release func()) {
	w.t.Helper()
	goOn := make(chan struct{})
	release = sync.OnceFunc(func() { close(goOn) })
	w.t.Cleanup(release)
	w.mail.SetFaults(smtptest.Faults{Before: func(_ context.Context, stage site.Stage) {
		if stage == site.StageData {
			<-goOn
		}
	}})
	return release
}

func TestRunningTest(t *testing.T) {
	w := start(t, func(c *refsite.Config) { c.TestWait = time.Nanosecond })
	release := w.hold()
	b := w.loggedIn()
	b.submit("/save", w.settings())
	b.submit("/test", url.Values{"recipient": {recipient}, "password": {mailPassword}})
	b.want("outcome", "The test is running.")
	b.want("past", "running")
	release()
	for strings.Contains(b.shows("outcome"), "running") {
		b.get("")
	}
	b.want("outcome", "The server accepted the message.")
}

func TestSendingATestTwiceSendsOneMessage(t *testing.T) {
	w := start(t)
	b := w.loggedIn()
	b.submit("/save", w.settings())
	form := url.Values{
		"recipient": {recipient}, "password": {mailPassword}, "revision": {w.state().Revision},
		"key": {"a2a7b6a8-6b59-4f5d-8ea6-6d8a7f1a4c11"},
	}
	for range 2 {
		b.send(http.MethodPost, "/test", form)
		b.want("outcome", "The server accepted the message.")
	}
	if n := len(w.mail.Messages()); n != 1 {
		t.Errorf("got %d messages, want 1", n)
	}
	form.Set("recipient", "other@example.com")
	b.send(http.MethodPost, "/test", form)
	b.want("notice", "No test was sent.")
}

func TestWhatIsRefused(t *testing.T) {
	w := start(t)
	b := w.loggedIn()
	b.submit("/test", url.Values{"recipient": {recipient}, "password": {mailPassword}})
	b.want("notice", "No settings are saved")
	for name, c := range map[string]struct{ field, value, want string }{
		"NoHost":      {"host", "", "Host "},
		"NoNumber":    {"port", "smtp", "Port must be from 1 to 65535."},
		"Encryption":  {"encryption", "ssl", "Encryption must be one of"},
		"FromAddress": {"from_address", "a@b> SIZE=1", "From address "},
		"FromName":    {"from_name", "A\x00B", "From name "},
		"Mask":        {"password", "••••••••", "Password must be the password itself, not a mask."},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.state().Revision
			b.get("")
			entries := w.settings()
			entries.Set(c.field, c.value)
			b.submit("/save", entries)
			b.want("notice", "Nothing was changed. "+c.want)
			b.want(c.field+"-error", c.want)
			if field := b.byID(c.field); attribute(field, "aria-invalid") != "true" || !strings.Contains(attribute(field, "aria-describedby"), c.field+"-error") {
				t.Errorf("got %v", field.Attr)
			}
			if b.status != http.StatusUnprocessableEntity || w.state().Revision != before || b.field("username") != mailer || b.field("password") != "" {
				t.Errorf("got %d, %s", b.status, b.text)
			}
		})
	}
	b.get("")
	b.submit("/save", w.settings())
	t.Run("ChangeRequiresThePassword", func(t *testing.T) {
		b.submit("/save", url.Values{"host": {"other.example.com"}, "encryption": {"starttls"}})
		b.want("password-error", "Enter the password again to change the Host. A saved password is used only with the settings it was entered for.")
		b.get("")
		b.submit("/save", url.Values{"from_name": {"Other"}})
		b.want("password-error", "Enter the password again to change the From name.")
		b.want("send", "The page cannot read the saved password back.")
		if w.state().Settings.Host != w.mail.Host() {
			t.Error("the change was saved without the password")
		}
	})
	t.Run("BadRecipient", func(*testing.T) {
		b.submit("/test", url.Values{"recipient": {"ops"}, "password": {mailPassword}})
		b.want("test_recipient-error", "Test address ")
	})
	t.Run("NoSavedPassword", func(t *testing.T) {
		b.submit("/test", url.Values{"recipient": {recipient}})
		b.want("test_password-error", "Enter the password again.")
		if b.field("test_recipient") != recipient {
			t.Error("the page forgot the recipient")
		}
	})
}

func TestTooManyTests(t *testing.T) {
	w := start(t)
	b := w.loggedIn()
	b.submit("/save", w.settings())
	for b.status != http.StatusTooManyRequests {
		b.submit("/test", url.Values{"recipient": {recipient}, "password": {mailPassword}})
		if len(w.mail.Messages()) > 100 {
			t.Fatal("the rate limit was never reached")
		}
	}
	b.want("notice", "Too many test messages")
	if b.header.Get("Retry-After") == "" {
		t.Error("the response has no Retry-After")
	}
}

// The page tells whether a typed password is the saved one.
func TestR42TooManyPasswordsThatAreNotTheSavedOne(t *testing.T) {
	w := start(t, func(c *refsite.Config) { c.Guesses = 3 })
	b := w.loggedIn()
	b.submit("/save", w.settings())
	for range 3 {
		b.submit("/test", url.Values{"recipient": {recipient}, "password": {"mistyped"}})
		b.want("outcome", "The password typed for this test is not the saved one.")
	}
	for _, password := range []string{"mistyped", mailPassword} {
		b.submit("/test", url.Values{"recipient": {recipient}, "password": {password}})
		b.want("notice", "Too many wrong passwords.")
	}
	if n := len(w.mail.Messages()); n != 0 {
		t.Errorf("got %d messages, want 0", n)
	}
	w.ahead.Add(int64(10 * time.Minute))
	for range 4 {
		b.submit("/test", url.Values{"recipient": {recipient}, "password": {mailPassword}})
		b.want("outcome", "The server accepted the message.")
	}
}
