package site_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// scenes are the situations that a change can find a site in; each returns the change that is then made.
var scenes = map[string]func(*run) site.Change{
	"NeverConfigured": func(r *run) site.Change { return r.change("smtp.example.com", newPassword) },
	"Off": func(r *run) site.Change {
		r.configure(false)
		return r.change("smtp.example.com", password)
	},
	"WorkingElsewhere": func(r *run) site.Change {
		r.configure(true)
		return r.change("smtp.example.test", newPassword)
	},
	"WorkingElsewhereWithPasswordAtHand": func(r *run) site.Change {
		r.configure(true)
		c := r.change("smtp.example.test", newPassword)
		c.PriorPassword = password
		return c
	},
	"WorkingWithAnotherPassword": func(r *run) site.Change {
		r.configure(true)
		return r.change("smtp.example.com", newPassword)
	},
	"Imported": func(r *run) site.Change {
		r.configure(true)
		r.known = site.State{}
		return r.change("smtp.example.com", password)
	},
	"ImportedToGoElsewhere": func(r *run) site.Change {
		r.configure(true)
		r.known = site.State{}
		return r.change("smtp.example.test", newPassword)
	},
	"LeftOnUntested": func(r *run) site.Change {
		r.leaveOnUntested()
		return r.change("smtp.example.test", password)
	},
	"LeftOnUntestedToGoElsewhere": func(r *run) site.Change {
		r.leaveOnUntested()
		return r.change("smtp.example.com", password)
	},
}

// configure leaves the site as a change to smtp.example.com that succeeded.
func (r *run) configure(enabled bool) {
	f := r.model.enter(settingsAt("smtp.example.com"), password.Reveal())
	r.model.commit(f, true, enabled)
	r.model.passes[f] = enabled
	r.known, r.password = r.model.now(), password
	if r.can.ForgetsVerification && enabled {
		r.known.Verification = &site.Verification{Recipient: recipient}
	}
}

// leaveOnUntested leaves the site as a killed run does on a platform that tests only what is on.
func (r *run) leaveOnUntested() {
	r.configure(true)
	if r.can.Testing == site.TestsEnabled {
		r.model.commit(r.model.enter(settingsAt("smtp.example.test"), password.Reveal()), true, true)
		r.excused = true
	}
}

// change is one from what the site holds to mail that is on with these.
func (r *run) change(host string, password secret.Text) site.Change {
	return site.Change{
		Prior:       r.prior(),
		Candidate:   site.Candidate{Settings: settingsAt(host), Password: password},
		SetPassword: password.Reveal() != r.password.Reveal(),
		Enabled:     true,
		Recipient:   recipient,
	}
}

// interruption is a fault of one call of a run, counted from 0; the site may be gone from then on, and the submission
// server may refuse the candidate.
type interruption struct {
	at            int
	fault         fault
	gone, refused bool
}

// interruptions are all there are of a first call.
func interruptions() (all []interruption) {
	for _, f := range []fault{unreachable, answerLost, cancelBefore, cancelAfter, editBefore, doubt, killBefore, killAfter} {
		for _, gone := range []bool{false, true} {
			for _, refused := range []bool{false, true} {
				all = append(all, interruption{fault: f, gone: gone, refused: refused})
			}
		}
	}
	return all
}

// among puts the site behind a network where this happens, and reports whether it came to that.
func (i interruption) among(cancel context.CancelFunc, r *run) (u *unreliable, came *bool) {
	came = new(bool)
	return &unreliable{
		model: r.model,
		next: func(string) fault {
			i.at--
			switch {
			case i.at == -1:
				*came = true
				return i.fault
			case i.at < -1 && i.gone:
				return unreachable
			}
			return noFault
		},
		edit: func() {
			f := r.model.enter(settingsAt("smtp.example.org"), "typed by a person")
			r.model.passes[f] = true
			r.model.commit(f, true, true)
		},
		cancel: cancel,
	}, came
}

// TestEveryFailureInBetween lets each call of each change fail in each way, on each platform, with submission servers
// that accept the candidate and some that refuse it. The procedure keeps its promises in what it leaves, tells the truth
// about it, and the next change, without faults, comes to where this one was to go.
func TestEveryFailureInBetween(t *testing.T) {
	for platform, can := range platforms {
		for scene, arrange := range scenes {
			t.Run(platform+"/"+scene, func(t *testing.T) {
				for _, i := range interruptions() {
					for came := true; came && !t.Failed(); i.at++ {
						synctest.Test(t, func(t *testing.T) {
							defer func() {
								if t.Failed() {
									t.Logf("with %+v", i)
								}
							}()
							came = i.interrupt(t, can, arrange)
						})
					}
				}
			})
		}
	}
}

// interrupt makes the change of a scene with one interruption, and then again without. It reports whether the change
// took so many calls that it was interrupted.
func (i interruption) interrupt(t *testing.T, can site.Capabilities, arrange func(*run) site.Change) bool {
	r := &run{model: newModel(can, false), can: can}
	c := arrange(r)
	r.model.acceptsAll = !i.refused
	before := *r.model
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	u, came := i.among(cancel, r)
	now, err := r.carryOut(ctx, u, c)
	if err == nil && c.Steps().SendsTest && i.refused && !u.edited {
		t.Fatal("the apply succeeded although the server refuses the candidate")
	}
	if i.fault != killBefore && i.fault != killAfter || !*came {
		r.checkOutcome(t, before, u, c, now, err)
	}
	r.promises(t)

	r.model.acceptsAll = true
	again := c
	again.Prior, again.PriorPassword = r.prior(), secret.Text{}
	again.SetPassword = again.Candidate.Password.Reveal() != r.password.Reveal()
	u, _ = interruption{at: -1}.among(cancel, r)
	now, err = r.carryOut(t.Context(), u, again)
	if err != nil {
		t.Fatalf("the next change failed: %v", err)
	}
	r.excused = false
	r.promises(t)
	r.checkHolds(t, now)
	if !now.Enabled || now.Settings != c.Candidate.Settings || r.model.password != c.Candidate.Password.Reveal() {
		t.Fatalf("the site holds %+v after %+v", now, again)
	}
	again.Prior, again.SetPassword = r.prior(), false
	if steps := again.Steps(); steps != (site.Steps{}) {
		t.Fatalf("after the apply, %+v is still due", steps)
	}
	return *came
}
