//go:build chromium

package page_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func TestInChromium(t *testing.T) {
	w := start(t)
	b := chromium(t)
	b.do(chromedp.Navigate(w.url))
	b.look("login")
	w.logIn(b)
	b.look("empty")
	hidden := `['found', 'news', 'outcome'].filter((id) => getComputedStyle(document.getElementById(id)).display === 'none')`
	if hidden := eval[[]string](b, hidden); len(hidden) > 0 {
		t.Errorf("the live regions %q are hidden at first, so screen readers will not announce them", hidden)
	}
	t.Run("ServicesAreFoundWhileTyping", func(t *testing.T) {
		b := b.in(t)
		b.do(
			set("username", "other@client.example"),
			chromedp.SendKeys(chromedp.CSS("#q"), "someone@gmail.com"), shows("matches", "Gmail"),
			chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.Enter), shows("service", "requires an app password"),
		)
		got := eval[[]string](b, `['host', 'username'].map((id) => document.getElementById(id).value).concat(document.activeElement.id)`)
		if got[0] != "smtp.gmail.com" || got[1] != "someone@gmail.com" || got[2] != "service" {
			t.Errorf("got host, username and focus %q", got)
		}
		b.look("service")
	})
	t.Run("ASearchKeepsWhatWasEntered", func(t *testing.T) {
		b := b.in(t)
		for query, begin := range map[string]step{"fastmail": chromedp.KeyEvent(kb.Enter), "mailgun": press("Search")} {
			b.do(chromedp.Navigate(w.url), set("username", "kept"),
				chromedp.Evaluate[chromedp.Void](`addEventListener('submit', (event) => { window.stays = event.defaultPrevented; })`),
				chromedp.SendKeys(chromedp.CSS("#q"), query), begin, until(`window.stays`, "a search leaves the page"),
				until(`document.getElementById('matches').innerText.toLowerCase().includes('`+query+`')`, query+" is not found"))
			if kept := eval[string](b, `document.getElementById('username').value`); kept != "kept" {
				t.Errorf("%s: the search changed an entered value to %q", query, kept)
			}
		}
		b.do(chromedp.Navigate(w.url))
	})
	t.Run("FailedTest", func(t *testing.T) {
		b := b.in(t)
		b.do(w.fillIn(), set("password", "wrong"), press("Save"), shows("state", "not tested yet"))
		b.do(set("test_recipient", recipient), set("test_password", "wrong"), press("Test"), shows("outcome", "The test failed"))
		b.look("failed")
		if !eval[bool](b, `document.querySelector('#switch button').disabled`) {
			t.Error("mail can be enabled after a failed test")
		}
	})
	t.Run("Steps", func(t *testing.T) {
		b := b.in(t)
		b.do(set("password", mailPassword), press("Save"), shows("notice", "Saved."))
		b.do(set("test_recipient", recipient), set("test_password", mailPassword), press("Test"), shows("outcome", "The server accepted the message"))
		b.look("tested")
		b.do(press("Enable mail"), shows("state", "Mail is on."))
		b.look("enabled")
		if !w.state().Enabled || len(w.mail.Messages()) != 1 {
			t.Errorf("got %+v", w.state())
		}
	})
	t.Run("TwoWindows", func(t *testing.T) { w.twoWindows(b.in(t)) })
	t.Run("OpenWhileTerraformApplies", func(t *testing.T) { w.applyMeanwhile(b.in(t)) })
	t.Run("OpenWhileTheSessionEnds", func(t *testing.T) { w.endSession(b.in(t)) })
}

// TestTokenLoginInChromium enters a login with the client secret, then one with a refresh token.
func TestTokenLoginInChromium(t *testing.T) {
	w := startWithTokens(t)
	b := chromium(t)
	w.logIn(b)
	enter := func(entries url.Values) step {
		steps := []step{chromedp.Evaluate[chromedp.Void](`document.getElementById('token').open = true`)}
		for name, values := range entries {
			steps = append(steps, set(name, values[0]))
		}
		return chromedp.Steps(append(steps, press("Save"), shows("notice", "Saved."))...)
	}
	if eval[bool](b, `document.getElementById('token').open`) {
		t.Error("the token section is open although no token is configured")
	}
	b.do(enter(w.entries("client_credentials", clientSecret)))
	b.do(set("test_recipient", recipient), set("test_password", "wrong"), press("Test"), shows("outcome", "rejected the client secret"))
	b.look("token")
	b.do(set("test_recipient", recipient), set("test_password", clientSecret), press("Test"), shows("outcome", "The server accepted the message"))
	b.do(press("Enable mail"), shows("state", "Mail is on."))

	token := w.tokens.Consent("app", mailer).Reveal()
	entries := w.entries("refresh_token", token)
	entries.Set("client_secret", clientSecret)
	b.do(enter(entries))
	b.do(set("test_recipient", recipient), set("test_password", token), set("test_client_secret", clientSecret), press("Test"),
		shows("outcome", "The server accepted the message"))
	b.look("refresh-token")
	b.do(press("Enable mail"), shows("state", "Mail is on."))
	if got := w.state(); !got.Enabled || got.Settings.Grant != site.RefreshToken || len(w.mail.Messages()) != 2 {
		t.Errorf("got %+v", got)
	}
}

func (w *testbed) twoWindows(b *tab) {
	other := b.another()
	other.do(chromedp.Navigate(w.url), shows("state", "Mail is on."))
	other.do(set("from_name", "Theirs"), set("password", mailPassword), press("Save"), shows("notice", "Mail is off until"))
	b.do(set("from_name", "Mine"), set("password", mailPassword), press("Save"), shows("notice", "“admin” changed this site"))
	b.do(shows("notice", "From name: Theirs, was Client A"))
	b.look("stale")
	if w.state().Settings.FromName != "Theirs" {
		b.t.Error("saving from the other window overwrote the settings")
	}
}

func (w *testbed) applyMeanwhile(b *tab) {
	b.do(chromedp.Navigate(w.url), set("from_name", "Mine"))
	// The page is fetched again after a failed request, and after a response that is not the page.
	for _, answer := range []string{`Promise.reject(new TypeError())`, `Promise.resolve(new Response('<h1>Service Unavailable</h1>'))`} {
		b.do(chromedp.Evaluate[chromedp.Void](`{ const real = fetch; window.fetch = () => { window.fetch = real; return `+answer+`; }; window.real = real }`),
			until(`window.fetch === window.real`, "the page does not ask"))
	}
	w.apply(func(*site.Settings) {})
	b.do(shows("news", "changed by “terraform” just now"), shows("state", "Managed by Terraform."))
	if entered := eval[string](b, `document.getElementById('from_name').value`); entered != "Mine" {
		b.t.Errorf("the page changed an entered value to %q", entered)
	}
	b.do(set("password", mailPassword), press("Save"), shows("notice", "“terraform” changed this site"))
	b.do(chromedp.Navigate(w.url), set("from_name", "By hand"), set("password", mailPassword), press("Save"), shows("managed", "drift"))
	b.look("managed")
}

func (w *testbed) endSession(b *tab) {
	b.do(chromedp.Navigate(w.url), set("from_name", "Long thought about"), set("password", mailPassword))
	w.ahead.Store(int64(time.Hour))
	b.do(shows("news", "Your session has ended."))
	b.look("ended")
	w.logIn(b.another())
	b.do(press("Save"), shows("notice", "Saved."))
	if got := w.state().Settings.FromName; got != "Long thought about" {
		b.t.Errorf("saved %q", got)
	}
}

// polled waits until the page has polled twice and shown the result.
func polled() step {
	const answers = `performance.getEntriesByType('resource').length`
	return chromedp.Steps(
		chromedp.Evaluate[chromedp.Void](`window.polled = `+answers),
		until(answers+` > window.polled + 2`, "the page does not ask"),
	)
}

func TestTestThatRunsInChromium(t *testing.T) {
	w := start(t, func(c *refsite.Config) { c.TestWait = time.Nanosecond })
	release := w.hold()
	b := chromium(t)
	w.logIn(b)
	b.do(w.fillIn(), press("Save"), shows("notice", "Saved."))
	b.do(set("test_recipient", recipient), set("test_password", mailPassword), press("Test"), shows("outcome", "The test is running."))
	t.Run("UnchangedPartKeepsTheFocus", func(t *testing.T) {
		b := b.in(t)
		b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('#outcome a').focus()`), polled())
		if !eval[bool](b, `document.activeElement.matches('#outcome a')`) {
			t.Errorf("the focus went to %s", eval[string](b, `document.activeElement.tagName`))
		}
	})
	t.Run("AfterAPassMailCanBeEnabled", func(t *testing.T) {
		b := b.in(t)
		release()
		b.do(shows("outcome", "The server accepted the message"), shows("state", "passed a test just now"))
		b.do(until(`!document.querySelector('#switch button').disabled`, "mail cannot be enabled"))
	})
	t.Run("SettingsSavedByOthersMeanwhileAreNotEnabled", func(t *testing.T) {
		b := b.in(t)
		release := w.hold()
		b.do(set("test_recipient", recipient), set("test_password", mailPassword), press("Test"), shows("outcome", "The test is running."))
		revision := w.state().Revision
		w.apply(func(*site.Settings) {})
		b.do(shows("news", "changed by “terraform” just now"), polled())
		release()
		b.do(shows("outcome", "The server accepted the message"))
		if sends := eval[string](b, `document.querySelector('#switch [name=revision]').value`); sends != revision {
			t.Errorf("the page shows revision %s but would enable %s", revision, sends)
		}
	})
}

// tabTo presses Tab until the element has the focus, which must be visible at every stop.
func (b *tab) tabTo(selector string) {
	b.t.Helper()
	for range 60 {
		if eval[bool](b, "document.activeElement.matches(`"+selector+"`)") {
			return
		}
		b.do(chromedp.KeyEvent(kb.Tab))
		if eval[bool](b, `document.activeElement !== document.body && getComputedStyle(document.activeElement).outlineStyle === 'none'`) {
			b.t.Fatalf("the focus is invisible on %s", eval[string](b, `document.activeElement.outerHTML`))
		}
	}
	b.t.Fatalf("%s cannot be reached with the Tab key", selector)
}

func TestKeyboardOnly(t *testing.T) {
	w := start(t)
	b := chromium(t)
	b.do(
		chromedp.Navigate(w.url), focused("username"), chromedp.KeyEvent("admin"),
		chromedp.KeyEvent(kb.Tab), focused("password"), chromedp.KeyEvent(w.password),
		chromedp.KeyEvent(kb.Enter), shows("state", "Mail is off."),
	)
	entries := w.settings()
	for _, name := range []string{"host", "port", "encryption", "username", "password"} {
		b.tabTo("#" + name)
		b.do(chromedp.KeyEvent(entries.Get(name)))
	}
	b.do(chromedp.KeyEvent(kb.Enter), shows("notice", "Saved."))
	b.tabTo("#test_recipient")
	b.do(chromedp.KeyEvent(recipient))
	b.tabTo("#test_password")
	b.do(chromedp.KeyEvent(mailPassword), chromedp.KeyEvent(kb.Enter), shows("outcome", "The server accepted the message"))
	b.tabTo("#switch button")
	b.do(chromedp.KeyEvent(" "), shows("state", "Mail is on."))
}
