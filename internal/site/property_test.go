package site_test

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// TestAnySequenceOfChanges makes changes to a site over a network that fails, among people who edit the same site and
// submission servers that change their mind, and holds the procedure to its promises after every step.
func TestAnySequenceOfChanges(t *testing.T) {
	for name, strict := range map[string]bool{"SiteThatKeepsTheContract": true, "SiteThatOnlyGuardsRevisions": false} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				rapid.SyncTest(rt, func(rt *rapid.T) {
					r := &run{model: newModel(strict)}
					rt.Repeat(map[string]func(*rapid.T){
						"apply":    r.apply,
						"converge": r.converge,
						"destroy":  r.destroy,
						"edit":     r.edit,
						"world":    r.changeWorld,
						"":         r.check,
					})
				})
			})
		})
	}
}

// run is one sequence of changes to one site.
type run struct{ model *model }

var (
	hosts     = rapid.SampledFrom([]string{"smtp.example.com", "smtp.example.test"})
	usernames = rapid.SampledFrom([]string{"", "mailer@example.com"})
	names     = rapid.SampledFrom([]string{"", "Client A"})
	passwords = rapid.SampledFrom([]string{"correct horse", "battery staple"})
	faults    = rapid.SampledFrom([]fault{
		noFault, noFault, noFault, noFault, unreachable, answerLost, cancelBefore, cancelAfter, editBefore, healBefore, doubt,
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
		Prior:     r.model.now(),
		Enabled:   rapid.Bool().Draw(rt, "enabled"),
		Recipient: recipient,
		RetryFor:  rapid.SampledFrom([]time.Duration{0, 20 * time.Second}).Draw(rt, "retry for"),
	}
	c.Candidate.Settings = c.Prior.Settings
	if c.Prior.Settings.IsZero() || rapid.Bool().Draw(rt, "other settings") {
		c.Candidate.Settings = drawSettings(rt)
	}
	if c.Candidate.Settings.Username != "" && rapid.Bool().Draw(rt, "password known") {
		c.Candidate.Password = secret.New(passwords.Draw(rt, "password"))
		c.SetPassword = c.Candidate.Password.Reveal() != r.model.password
	}
	return c
}

// among puts the site behind a network and among people, with a fault drawn for each call.
func (r *run) among(rt *rapid.T, next *rapid.Generator[fault]) (context.Context, *unreliable) {
	ctx, cancel := context.WithCancel(context.Background())
	rt.Cleanup(cancel)
	return ctx, &unreliable{
		model:  r.model,
		next:   func(call string) fault { return next.Draw(rt, "fault of the "+call) },
		edit:   func() { r.edit(rt) },
		cancel: cancel,
	}
}

func (r *run) apply(rt *rapid.T) {
	before, c := *r.model, r.drawChange(rt)
	ctx, u := r.among(rt, faults)
	now, err := site.Procedure{}.Apply(ctx, u, c)

	switch kind := site.KindOf(err); {
	case c.NeedsPassword():
		if kind != site.PasswordRequired || u.calls > 0 {
			rt.Fatalf("the password is missing: %v after %d calls", err, u.calls)
		}
	case c.Steps() == site.Steps{}:
		if err != nil || u.calls > 0 {
			rt.Fatalf("nothing is new: %v after %d calls", err, u.calls)
		}
	case kind == site.PasswordRequired || kind == site.VerificationRequired || kind == site.Invalid || kind == site.Stale:
		if !u.edited {
			rt.Fatalf("the site had to refuse what the procedure asked: %v", err)
		}
	}
	if err == nil {
		r.checkHolds(rt, now)
	} else if now.Revision != c.Prior.Revision {
		rt.Fatalf("beside %v it says that it wrote: %+v", err, now)
	}
	if err != nil {
		r.checkUntouched(rt, before, u, err)
	}
	if u.writes > 1 || !c.Steps().Test && u.tests > 0 || c.RetryFor == 0 && u.tests > 1 {
		rt.Fatalf("%d tests and %d writes for %+v", u.tests, u.writes, c.Steps())
	}
}

// converge makes a change where nothing fails and the servers accept everything: after it nothing is left to be done.
func (r *run) converge(rt *rapid.T) {
	c := r.drawChange(rt)
	if c.NeedsPassword() {
		c.Candidate.Password = secret.New(passwords.Draw(rt, "password"))
	}
	r.model.acceptsAll = true
	ctx, u := r.among(rt, rapid.Just(noFault))
	now, err := site.Procedure{}.Apply(ctx, u, c)
	if err != nil {
		rt.Fatalf("a change without faults failed: %v", err)
	}
	r.checkHolds(rt, now)
	if now.Enabled != c.Enabled || now.Settings != c.Candidate.Settings {
		rt.Fatalf("the site holds %+v after %+v", now, c)
	}
	again := c
	again.Prior, again.SetPassword = now, false
	if steps := again.Steps(); steps != (site.Steps{}) || again.NeedsPassword() {
		rt.Fatalf("applied and still %+v is to be done: %+v", steps, again)
	}
	if c.SetPassword && r.model.password != c.Candidate.Password.Reveal() {
		rt.Fatalf("the site has another password than the one that was set")
	}
}

func (r *run) destroy(rt *rapid.T) {
	before, prior := *r.model, r.model.now()
	how := rapid.SampledFrom(site.OnDestroys()).Draw(rt, "on destroy")
	ctx, u := r.among(rt, faults)
	err := site.Procedure{}.Destroy(ctx, u, prior, how)
	if how == site.Keep && (err != nil || u.calls > 0) {
		rt.Fatalf("keeping: %v after %d calls", err, u.calls)
	}
	if err != nil {
		r.checkUntouched(rt, before, u, err)
		ctx, u = r.among(rt, rapid.Just(noFault))
		err = site.Procedure{}.Destroy(ctx, u, r.model.now(), how)
	}
	now := r.model.now()
	switch {
	case err != nil:
		rt.Fatalf("leaving it once more without faults failed: %v", err)
	case how == site.Disable && now.Enabled:
		rt.Fatalf("mail is still on")
	case how == site.Clear && (!now.Settings.IsZero() || now.PasswordSet || now.Enabled):
		rt.Fatalf("not cleared: %+v", now)
	}
	if u.tests > 0 {
		rt.Fatalf("leaving a site sent %d test messages", u.tests)
	}
}

// edit is what somebody else does to the site, in its admin page: clear it, switch mail off, or test and enable what
// passed.
func (r *run) edit(rt *rapid.T) {
	w := site.Save{Settings: r.model.state.Settings, Revision: r.model.state.Revision}
	switch rapid.SampledFrom([]string{"clear", "switch off", "configure"}).Draw(rt, "edit") {
	case "clear":
		w.Settings = site.Settings{}
	case "configure":
		w.Settings, w.Password = drawSettings(rt), secret.New(passwords.Draw(rt, "edited password"))
		candidate := site.Candidate{Settings: w.Settings, Password: w.Password}
		result, _ := r.model.Test(context.Background(), site.Test{Candidate: &candidate})
		w.Enabled = result.Status == site.Passed
	}
	if _, err := r.model.Save(context.Background(), w); err != nil {
		rt.Fatalf("the model refuses what a person does: %v", err)
	}
}

// changeWorld makes the submission servers accept one more login, or one less.
func (r *run) changeWorld(rt *rapid.T) {
	l := fingerprintOf(drawSettings(rt), passwords.Draw(rt, "password")).login()
	r.model.accepted[l] = !r.model.accepted[l]
	r.model.acceptsAll = false
}

// check holds after every step, whatever happened in it.
func (r *run) check(rt *rapid.T) {
	m := r.model
	if m.state.Enabled && !m.passes[fingerprint{m.state.Settings, m.password}] {
		rt.Fatalf("mail is on with settings that never passed a test: %+v", m.state)
	}
	for _, rule := range m.broken {
		rt.Fatal(rule)
	}
}

func (r *run) checkHolds(rt *rapid.T, said site.State) {
	now := r.model.now()
	if said.Revision != now.Revision || said.Settings != now.Settings || said.Enabled != now.Enabled || said.PasswordID != now.PasswordID {
		rt.Fatalf("the procedure says %+v, the site holds %+v", said, now)
	}
}

// checkUntouched wants the site as it was before the failure, unless somebody else edited it or the answer to the write
// was lost.
func (r *run) checkUntouched(rt *rapid.T, before model, u *unreliable, failure error) {
	if u.writes > 0 && site.KindOf(failure) == site.NoAnswer {
		return
	}
	if u.writes > 0 {
		rt.Fatalf("%d writes were made all the same", u.writes)
	}
	if !u.edited && (r.model.state != before.state || r.model.password != before.password) {
		rt.Fatalf("the site holds %+v, before it was %+v", r.model.state, before.state)
	}
}
