package site_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// platforms are those that the procedure is tried on, one for each order and each way to do without what the contract
// has.
var platforms = map[string]site.Capabilities{
	"Contract":          {},
	"TestsCandidates":   {TestNeedsPassword: true, Unguarded: true, ForgetsVerification: true, PasswordStays: true},
	"TestsSaved":        {Testing: site.TestsSaved},
	"TestsSavedBare":    {Testing: site.TestsSaved, Unguarded: true, ForgetsVerification: true, SaveNeedsPassword: true},
	"TestsEnabled":      {Testing: site.TestsEnabled},
	"TestsEnabledBare":  {Testing: site.TestsEnabled, Unguarded: true, ForgetsVerification: true, PasswordStays: true},
	"TestsEnabledClear": {Testing: site.TestsEnabled, Off: site.OffByClearing, ForgetsVerification: true},
	"TestsInSave":       {Testing: site.TestsInSave},
	"TestsInSaveBare":   {Testing: site.TestsInSave, Unguarded: true, ForgetsVerification: true},
}

// TestAnySequenceOfChanges makes changes to a site over a network that fails, among people who edit the same site,
// submission servers that change their mind and runs that are killed, and holds the procedure to its promises after
// every step.
func TestAnySequenceOfChanges(t *testing.T) {
	try := func(t *testing.T, can site.Capabilities, strict bool) {
		rapid.Check(t, func(rt *rapid.T) {
			rapid.SyncTest(rt, func(rt *rapid.T) {
				r := &run{model: newModel(can, strict), can: can}
				rt.Repeat(map[string]func(*rapid.T){
					"apply":    r.apply,
					"converge": r.converge,
					"destroy":  r.destroy,
					"edit":     r.edit,
					"servers":  r.changeServers,
					"":         func(rt *rapid.T) { r.promises(rt) },
				})
			})
		})
	}
	t.Run("FaultlessSite", func(t *testing.T) { try(t, site.Capabilities{}, true) })
	for name, can := range platforms {
		t.Run(name, func(t *testing.T) { try(t, can, false) })
	}
}

var (
	hosts     = rapid.SampledFrom([]string{"smtp.example.com", "smtp.example.test"})
	usernames = rapid.SampledFrom([]string{"", "mailer@example.com"})
	names     = rapid.SampledFrom([]string{"", "Client A"})
	passwords = rapid.SampledFrom([]string{"correct horse", "battery staple"})
	faults    = rapid.SampledFrom([]fault{
		noFault, noFault, noFault, noFault, noFault, noFault, unreachable, answerLost, cancelBefore, cancelAfter, editBefore, healBefore, doubt,
		killBefore, killAfter,
	})
)

func drawSettings(rt *rapid.T) site.Settings {
	return site.Settings{
		Host: hosts.Draw(rt, "host"), Port: 587, Encryption: site.STARTTLS, Username: usernames.Draw(rt, "username"),
		FromAddress: "mailer@example.com", FromName: names.Draw(rt, "from name"),
	}
}

// drawChange draws a change of what the site holds, with a password where there is a login and, as the user may not
// have one at hand, not always then.
func (r *run) drawChange(rt *rapid.T) site.Change {
	c := site.Change{
		Prior:     r.prior(),
		Enabled:   rapid.Bool().Draw(rt, "enabled"),
		Recipient: recipient,
		RetryFor:  rapid.SampledFrom([]time.Duration{0, 20 * time.Second}).Draw(rt, "retry for"),
	}
	c.Candidate.Settings = c.Prior.Settings
	if c.Prior.Settings.IsZero() || rapid.Bool().Draw(rt, "other settings") {
		c.Candidate.Settings = drawSettings(rt)
	}
	if c.Candidate.Settings.Username != "" && rapid.Bool().Draw(rt, "password known") {
		r.setPassword(&c, passwords.Draw(rt, "password"))
	}
	if r.remembers(c.Prior) && rapid.Bool().Draw(rt, "prior password known") {
		c.PriorPassword = r.password
	}
	return c
}

func (r *run) setPassword(c *site.Change, password string) {
	c.Candidate.Password = secret.New(password)
	// Where the site tells that it has another password than the one that was set, that is to be set again.
	c.SetPassword = password != r.password.Reveal() || c.Prior.PasswordID != r.known.PasswordID
}

// among puts the site behind a network and among people, with a fault drawn for each call.
func (r *run) among(rt *rapid.T, next *rapid.Generator[fault]) (context.Context, *unreliable) {
	ctx, cancel := context.WithCancel(context.Background())
	rt.Cleanup(cancel)
	return ctx, &unreliable{
		model: r.model,
		next:  func(call string) fault { return next.Draw(rt, "fault of the "+call) },
		edit: func() {
			before := r.model.state
			r.edit(rt)
			if now := r.model.state; r.can.Unguarded && now.Settings == before.Settings && now.Enabled == before.Enabled {
				// Such platforms are declared to hide that somebody changed the password alone.
				r.model.commit(fingerprint{}, false, false)
			}
		},
		cancel: cancel,
	}
}

func (r *run) apply(rt *rapid.T) {
	before, c := *r.model, r.drawChange(rt)
	ctx, u := r.among(rt, faults)
	now, err := r.carryOut(ctx, u, c)

	switch kind := site.KindOf(err); {
	case errors.Is(err, errKilled):
		return
	case c.NeedsPassword():
		if kind != site.PasswordRequired || u.calls > 0 {
			rt.Fatalf("without the password: got %v after %d requests", err, u.calls)
		}
	case len(r.can.Refuse(c)) > 0:
		if kind != site.Invalid || u.calls > 0 {
			rt.Fatalf("unsupported setting: got %v after %d requests", err, u.calls)
		}
	case c.Steps() == site.Steps{}:
		if err != nil || u.calls > 0 {
			rt.Fatalf("without a change: got %v after %d requests", err, u.calls)
		}
	case kind == site.PasswordRequired || kind == site.VerificationRequired || kind == site.Invalid || kind == site.Stale:
		if !u.edited {
			rt.Fatalf("the site refused an invalid request of the procedure: %v", err)
		}
	}
	r.checkOutcome(rt, before, u, c, now, err)
	if !c.Steps().SendsTest && u.tests > 0 {
		rt.Fatalf("got %d tests for %+v", u.tests, c.Steps())
	}
}

// converge makes a change where nothing fails and the servers accept everything: after it nothing is left to be done.
func (r *run) converge(rt *rapid.T) {
	c := r.drawChange(rt)
	c.Enabled = c.Enabled || r.can.Off != site.OffBySwitch
	if c.Candidate.Settings.Username == "" && r.can.PasswordStays {
		c.Candidate.Settings.Username = "mailer@example.com"
	}
	if c.Candidate.Settings.Username != "" && (c.NeedsPassword() || len(r.can.Refuse(c)) > 0 || r.excused) {
		// A killed run is made again as it was: what it wanted to set is still to be set.
		r.setPassword(&c, passwords.Draw(rt, "password"))
		c.SetPassword = c.SetPassword || r.excused
	}
	r.model.acceptsAll = true
	ctx, u := r.among(rt, rapid.Just(noFault))
	now, err := r.carryOut(ctx, u, c)
	if err != nil {
		rt.Fatalf("a change without faults failed: %v", err)
	}
	r.excused = false
	r.checkHolds(rt, now)
	if now.Enabled != c.Enabled || now.Settings != c.Candidate.Settings {
		rt.Fatalf("the site holds %+v after %+v", now, c)
	}
	again := c
	again.Prior, again.SetPassword = r.prior(), false
	if steps := again.Steps(); steps != (site.Steps{}) || again.NeedsPassword() {
		rt.Fatalf("after the apply, %+v is still due: %+v", steps, again)
	}
	if c.SetPassword && r.model.password != c.Candidate.Password.Reveal() {
		rt.Fatalf("the site holds a different password from the one set")
	}
}

func (r *run) destroy(rt *rapid.T) {
	before, prior := *r.model, r.model.now()
	how := rapid.SampledFrom(site.OnDestroys()).Draw(rt, "on destroy")
	ctx, u := r.among(rt, faults)
	err := r.survive(func() error { return site.Procedure{}.Destroy(ctx, u, prior, how) })
	if _, refused := r.can.RefuseDestroy(how); refused {
		if site.KindOf(err) != site.Unsupported || u.calls > 0 {
			rt.Fatalf("unsupported on_destroy: got %v after %d requests", err, u.calls)
		}
		return
	}
	if how == site.OnDestroyKeep && (err != nil || u.calls > 0) {
		rt.Fatalf("keep: got %v after %d requests", err, u.calls)
	}
	if err != nil {
		if u.writes == 0 {
			r.checkUntouched(rt, before, u, err)
		} else if site.KindOf(err) != site.NoAnswer && !errors.Is(err, errKilled) {
			rt.Fatalf("got error %v after %d writes", err, u.writes)
		}
		ctx, u = r.among(rt, rapid.Just(noFault))
		err = site.Procedure{}.Destroy(ctx, u, r.model.now(), how)
	}
	now := r.model.now()
	switch {
	case err != nil:
		rt.Fatalf("destroying again without faults failed: %v", err)
	case how == site.OnDestroyDisable && now.Enabled:
		rt.Fatalf("mail is still on")
	case how == site.OnDestroyClear && (!now.Settings.IsZero() || now.PasswordSet || now.Enabled):
		rt.Fatalf("the site is not cleared: %+v", now)
	}
	if u.tests > 0 {
		rt.Fatalf("destroying sent %d test messages", u.tests)
	}
}

// edit is what somebody else does to the site, in its admin page: clear it, switch mail off, or test and enable what
// passed.
func (r *run) edit(rt *rapid.T) {
	switch rapid.SampledFrom([]string{"clear", "switch off", "configure"}).Draw(rt, "edit") {
	case "clear":
		r.model.commit(fingerprint{}, false, false)
	case "switch off":
		r.model.commit(fingerprint{r.model.state.Settings, r.model.password}, false, false)
	case "configure":
		next := r.model.enter(drawSettings(rt), passwords.Draw(rt, "edited password"))
		r.model.commit(next, true, r.model.send(next).Status == site.Passed)
	}
}

// changeServers makes the submission servers accept one more login, or one less.
func (r *run) changeServers(rt *rapid.T) {
	l := fingerprintOf(drawSettings(rt), passwords.Draw(rt, "password")).login()
	r.model.accepted[l] = !r.model.accepted[l]
	r.model.acceptsAll = false
	r.cutOff = rapid.Bool().Draw(rt, "cut off")
}
