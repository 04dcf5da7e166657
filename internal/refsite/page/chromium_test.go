//go:build chromium

package page_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

type step = chromedp.Action[chromedp.Void]

// tab is a window of Chromium.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// chromium starts a new Chromium with one window.
func chromium(t *testing.T) *tab {
	t.Helper()
	dir := t.TempDir()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(dir), chromedp.Env("TMPDIR="+dir),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		// Smooth scrolling would move elements before they are clicked.
		chromedp.Flag("force-prefers-reduced-motion", true),
	)
	bounded, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	allocated, free := chromedp.NewExecAllocator(bounded, options...)
	t.Cleanup(free)
	return (&tab{t, allocated}).another()
}

// another opens another window of the same browser, which shares its session.
func (b *tab) another() *tab {
	b.t.Helper()
	ctx, shut := chromedp.NewContext(b.ctx)
	b.t.Cleanup(shut)
	return &tab{b.t, ctx}
}

// in returns the same window for another test.
func (b *tab) in(t *testing.T) *tab { return &tab{t, b.ctx} }

func (b *tab) do(steps ...step) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("%v; the page shows: %s", err, eval[string](b, `document.body.innerText`))
	}
}

// eval returns the value of a JavaScript expression, which may be a promise.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatal(err)
	}
	return value
}

// patience is the timeout for a page to show something.
const patience = 20 * time.Second

// shows waits until the element with that id shows the text, on this page or the next.
func shows(id, text string) step {
	return until(fmt.Sprintf(`!!document.getElementById(%q)?.innerText.replace(/\s+/g, ' ').includes(%q)`, id, text),
		fmt.Sprintf("%s does not show %q", id, text))
}

// focused waits until the element with that ID has the focus, because keys have no effect before.
func focused(id string) step {
	return until(fmt.Sprintf(`document.activeElement?.id === %q`, id), id+" does not get the focus")
}

// until waits for a condition in JavaScript; otherwise is the error after the timeout.
func until(condition, otherwise string) step {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		look, over := time.NewTicker(50*time.Millisecond), time.After(patience)
		defer look.Stop()
		for {
			if shown, err := chromedp.Evaluate[bool](condition)(ctx, t); err == nil && shown {
				return nil // an error means that the page is being left
			}
			select {
			case <-look.C:
			case <-over:
				return errors.New(otherwise)
			}
		}
	})
}

func set(id, value string) step { return chromedp.SetValue(chromedp.CSS("#"+id), value) }

// press clicks the button with that text.
func press(text string) step {
	return chromedp.Click(chromedp.Search(`//button[normalize-space()="` + text + `"]`))
}

// logIn opens the page and logs in.
func (w *testbed) logIn(b *tab) {
	w.t.Helper()
	b.do(chromedp.Navigate(w.url), set("username", "admin"), set("password", w.password), press("Log in"), shows("state", "Mail is"))
}

// fillIn enters the settings of the mail server.
func (w *testbed) fillIn() step {
	var all []step
	for name, values := range w.settings() {
		all = append(all, set(name, values[0]))
	}
	return chromedp.Steps(all...)
}

// look checks the current page in every width and color scheme, and takes pictures if PAGE_PICTURES names a folder for them.
func (b *tab) look(name string) {
	b.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		for size, width := range map[string]int64{"narrow": 320, "wide": 1280} {
			b.emulate(scheme, width, 900)
			look := strings.Join([]string{name, scheme, size}, "-")
			if eval[bool](b, `document.documentElement.scrollWidth > document.documentElement.clientWidth`) {
				b.t.Errorf("%s: the page is wider than the window", look)
			}
			b.accessible(look)
			b.picture(look, chromedp.FullScreenshot(100))
		}
	}
}

// emulate shows the page in a color scheme and a size.
func (b *tab) emulate(scheme string, width, height int64) {
	b.t.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, media); err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(width, height))
}

// picture takes a picture where look would.
func (b *tab) picture(name string, of chromedp.Action[[]byte]) {
	b.t.Helper()
	folder := os.Getenv("PAGE_PICTURES")
	if folder == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, of)
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// accessible fails the test for each violation that axe-core finds.
func (b *tab) accessible(name string) {
	b.t.Helper()
	source, err := os.ReadFile(os.Getenv("AXE_CORE"))
	if err != nil {
		b.t.Fatalf("AXE_CORE must name the file that install.sh prints: %v", err)
	}
	b.do(chromedp.Evaluate[chromedp.Void](string(source)))
	violations := eval[[]string](b, `axe.run({resultTypes: ['violations']}).then((r) => r.violations.map((v) =>
		v.id + ': ' + v.help + ': ' + v.nodes.map((n) => n.html + ' ' + n.failureSummary).join('; ')))`)
	for _, v := range violations {
		b.t.Errorf("%s: %s", name, v)
	}
}
