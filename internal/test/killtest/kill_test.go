//go:build unix

package killtest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/test/soaktest"
)

// phase is one apply in the life of two sites.
type phase struct {
	name string
	args []string
	want want
}

var phases = []phase{
	{"Create", []string{"apply"}, want{"A", firstPassword, 1, 1}},
	{"Update", []string{"apply"}, want{"B", firstPassword, 1, 1}},
	{"Rotate", []string{"apply"}, want{"B", nextPassword, 2, 1}},
	{"Destroy", []string{"apply", "-destroy"}, want{"B", nextPassword, 2, 1}},
}

// start runs the apply, one resource at a time, so that each message belongs to a known request.
func (p phase) start(w *testbed) *terraform {
	return w.start(append(p.args, "-auto-approve", "-input=false", "-no-color", "-parallelism=1")...)
}

// The kinds of death.
const (
	siteDies     = "R21_SiteDies"
	siteRestarts = "R21_SiteRestarts"
	providerDies = "R21_ProviderDies"
	cliDies      = "R21_TerraformDies"
	interrupted  = "R20_Interrupted"
)

// deaths is the number of kills of each kind in a soak, and their places.
var deaths = []struct {
	kind   string
	number int
	at     []string
}{
	{siteDies, 20, []string{atSite, atMail}},
	{siteRestarts, 20, []string{atSite, atMail}},
	{providerDies, 50, []string{atSite, atMail}},
	{cliDies, 30, []string{atSite, atMail, atState}},
	{interrupted, 20, []string{atSite, atMail, atState}},
}

// death is one kill. Without a kind, nothing is killed.
type death struct{ kind, step string }

func TestKill(t *testing.T) {
	w := newTestbed(t)
	steps := map[string][]string{}
	for _, p := range phases {
		w.configure(p.want)
		w.gate.forget(p)
		w.gate.arm("", nil)
		if out, err := p.start(w).wait(); err != nil {
			t.Fatalf("%s: %v\n%s", p.name, err, out)
		}
		steps[p.name] = w.gate.passed()
		t.Logf("%s has %d steps: %s", p.name, len(steps[p.name]), strings.Join(steps[p.name], "; "))
	}
	due := drawn(t, steps)
	for life := 0; !t.Failed() && slices.ContainsFunc(phases, func(p phase) bool { return life < len(due[p.name]) }); life++ {
		for _, p := range phases {
			var d death
			if life < len(due[p.name]) {
				d = due[p.name][life]
			}
			name := fmt.Sprintf("%s %s in life %d", p.name, strings.ReplaceAll(d.step, "/", "."), life)
			t.Run(cmp.Or(d.kind, "NothingIsKilled")+"/"+name, func(t *testing.T) {
				w.t = t
				w.die(p, d)
			})
		}
	}
}

// drawn returns the deaths of a run by phase. In a soak there are at least as many as deaths requires, and one at every step.
func drawn(t *testing.T, steps map[string][]string) map[string][]death {
	random := soaktest.Random(t)
	all := map[string][]death{}
	for _, d := range deaths {
		var cells []struct{ phase, step string }
		for _, p := range phases {
			for _, step := range steps[p.name] {
				if slices.ContainsFunc(d.at, func(place string) bool { return strings.HasPrefix(step, place) }) {
					cells = append(cells, struct{ phase, step string }{p.name, step})
				}
			}
		}
		random.Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })
		n := soaktest.Count(d.number)
		if soaktest.All() {
			n = max(n, len(cells))
		}
		t.Logf("%s: %d times at %d steps", d.kind, n, len(cells))
		for i := range n {
			cell := cells[i%len(cells)]
			all[cell.phase] = append(all[cell.phase], death{d.kind, cell.step})
		}
	}
	for _, p := range phases {
		random.Shuffle(len(all[p.name]), func(i, j int) { all[p.name][i], all[p.name][j] = all[p.name][j], all[p.name][i] })
	}
	return all
}

// die kills at one step of a phase, checks what is left, and applies again.
func (w *testbed) die(p phase, d death) {
	if d.kind == siteRestarts {
		p.want.retries = 3
	}
	w.configure(p.want)
	w.gate.forget(p)
	if d.kind == "" {
		w.applyAgain(p)
		return
	}
	before := len(w.mail.Messages())
	out, err := w.killedIn(p, d)
	w.checkDeath(d, out, err)
	w.recover(d)
	w.checkLeft(p)
	if sent, tests := len(w.mail.Messages())-before, w.tests(); sent > tests || tests > len(w.tokens) {
		w.t.Errorf("got %d messages of %d tests, want at most one per test", sent, tests)
	}
	w.converge(p)
}

// converge applies again and checks that there is nothing left to do then (I9).
func (w *testbed) converge(p phase) {
	w.t.Helper()
	w.applyAgain(p)
	plan := []string{"plan", "-detailed-exitcode", "-input=false", "-no-color"}
	if p.name == "Destroy" {
		plan = append(plan, "-destroy")
	}
	if out, err := w.start(plan...).wait(); err != nil {
		w.t.Errorf("the plan is not empty: %v\n%s", err, out)
	}
}

// applyAgain runs the apply that must converge.
func (w *testbed) applyAgain(p phase) {
	w.t.Helper()
	before := len(w.mail.Messages())
	w.gate.arm("", nil)
	out, err := p.start(w).wait()
	if err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
	if sent, due := len(w.mail.Messages())-before, testsOf(out); sent != due {
		w.t.Errorf("%d messages, want %d:\n%s", sent, due, out)
	}
	w.checkLeft(p)
	w.checkDone(p)
	w.tests()
}

// tests counts the tests that reached the mail server, and checks that each reached it only once (I3).
func (w *testbed) tests() int {
	w.t.Helper()
	w.gate.mu.Lock()
	defer w.gate.mu.Unlock()
	for test, n := range w.gate.attempts {
		if n > 1 {
			w.t.Errorf("got %d attempts for %s, want at most 1", n, test)
		}
	}
	return len(w.gate.attempts)
}

// forget resets the counts and the state for a new life.
func (g *gate) forget(p phase) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.attempts, g.test = map[string]int{}, test{}
	if p.name == "Create" {
		g.state = nil
	}
}

var summary = regexp.MustCompile(`(\d+) added, (\d+) changed, \d+ destroyed`)

// testsOf returns how many test messages an apply should have sent: one for each resource that it reports as created or changed.
func testsOf(out string) int {
	match := summary.FindStringSubmatch(out)
	if match == nil {
		return 0
	}
	added, _ := strconv.Atoi(match[1])
	changed, _ := strconv.Atoi(match[2])
	return added + changed
}

// killedIn runs the phase and kills at the step.
func (w *testbed) killedIn(p phase, d death) (out string, err error) {
	started, struck, settled := make(chan *terraform, 1), make(chan struct{}), make(chan struct{})
	w.gate.arm(d.step, func(ctx context.Context, step string) bool {
		tf := <-started
		defer close(settled)
		close(struck)
		return w.strike(ctx, tf, d.kind, step)
	})
	tf := p.start(w)
	started <- tf
	out, err = tf.wait()
	select {
	case <-struck:
		<-settled
		tf.endOrphans()
	default:
		w.t.Fatalf("the run never reached step %q, only %q:\n%s", d.step, w.gate.passed(), out)
	}
	return out, err
}

// strike kills, and reports whether the request or response is still forwarded.
func (w *testbed) strike(ctx context.Context, tf *terraform, kind, step string) bool {
	var err error
	switch kind {
	case siteDies:
		w.site.Kill()
		return false
	case siteRestarts:
		w.site.Kill()
		w.launchSite()
		return false
	case providerDies:
		var provider *os.Process
		if provider, err = w.workspace.Provider(); err == nil {
			err = provider.Kill()
		}
	case cliDies:
		err = tf.Process.Kill()
	case interrupted:
		err = tf.Process.Signal(os.Interrupt)
	}
	if err != nil {
		w.t.Error(err)
	}
	switch {
	case strings.HasPrefix(step, atMail):
		<-tf.exited // the site goes on with its test when nobody waits for it any more
		return true
	case strings.HasPrefix(step, atState):
		return kind == interrupted
	default:
		<-ctx.Done() // whoever called has hung up
		return false
	}
}

// checkDeath checks how Terraform ended and what it said.
func (w *testbed) checkDeath(d death, out string, err error) {
	w.t.Helper()
	if err == nil && (d.kind == providerDies || d.kind == cliDies || d.kind == siteDies) {
		w.t.Errorf("the killed run succeeded:\n%s", out)
	}
	if d.kind == siteDies && !strings.Contains(out, victim+": ") {
		w.t.Errorf("the error does not name the site:\n%s", out)
	}
	if d.kind == interrupted && (strings.Contains(out, "did not answer") || strings.Contains(out, "cannot be reached")) {
		w.t.Errorf("the error blames the site for an interrupted run:\n%s", out)
	}
	for _, secret := range []string{firstPassword, nextPassword, w.tokens[victim]} {
		if strings.Contains(out, secret) {
			w.t.Errorf("the output shows a secret:\n%s", out)
		}
	}
}

// recover does what a user would: it restarts what died, and removes the lock that a killed Terraform left.
func (w *testbed) recover(d death) {
	w.t.Helper()
	if d.kind == siteDies {
		w.launchSite()
	}
	w.settle()
	_, lock := w.left()
	if lock == nil {
		return
	}
	if d.kind != cliDies {
		w.t.Errorf("the state is still locked: %s", lock)
	}
	var info struct{ ID string }
	if err := json.Unmarshal(lock, &info); err != nil {
		w.t.Fatal(err)
	}
	if out, err := w.start("force-unlock", "-force", info.ID).wait(); err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
}

// checkLeft checks the state and the sites at any time: nothing is tainted (R23), no password is stored (R22), mail is on only with
// settings that passed a test (I1), and a site has either the old or the new record (I6).
func (w *testbed) checkLeft(p phase) {
	w.t.Helper()
	text, _ := w.left()
	var state struct {
		Resources []struct{ Instances []struct{ Status string } }
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &state); err != nil {
			w.t.Fatalf("the state cannot be read: %v\n%s", err, text)
		}
	}
	for _, r := range state.Resources {
		for _, i := range r.Instances {
			if i.Status != "" {
				w.t.Errorf("the state holds an object with status %s:\n%s", i.Status, text)
			}
		}
	}
	if strings.Contains(string(text), "canary") {
		w.t.Errorf("the password is in the state:\n%s", text)
	}
	for name := range w.tokens {
		held := w.held(name)
		if held.Enabled && held.Verification == nil {
			w.t.Errorf("mail of %s is enabled without a passed test: %+v", name, held)
		}
		empty := held.Settings.Host == "" && !held.Enabled && !held.PasswordSet
		full := held.Settings.Host != "" && held.Enabled && held.PasswordSet && slices.Contains([]string{"A", "B"}, held.Settings.FromName)
		switch {
		case empty && (p.name == "Create" || p.name == "Destroy"), full:
		default:
			w.t.Errorf("%s holds neither the old nor the new settings: %+v", name, held)
		}
	}
}

// checkDone checks that the sites have the phase's settings.
func (w *testbed) checkDone(p phase) {
	w.t.Helper()
	for name := range w.tokens {
		held := w.held(name)
		if p.name == "Destroy" {
			if held.Settings.Host != "" || held.Enabled || held.PasswordSet {
				w.t.Errorf("%s was not cleared: %+v", name, held)
			}
			continue
		}
		if !held.Enabled || held.Settings.FromName != p.want.fromName {
			w.t.Errorf("%s holds %+v", name, held)
		}
	}
}

// held returns a site's state.
type held struct {
	Settings struct {
		Host     string `json:"host"`
		FromName string `json:"from_name"`
	} `json:"settings"`
	Enabled      bool            `json:"enabled"`
	PasswordSet  bool            `json:"password_set"`
	Verification *map[string]any `json:"verification"`
}

func (w *testbed) held(name string) held {
	w.t.Helper()
	status, answer := w.call(http.MethodGet, "/"+name+"/admin/api/v1/smtp", nil, http.Header{"Authorization": {"Bearer " + w.tokens[name]}})
	if status != http.StatusOK {
		w.t.Fatalf("got %d %v", status, answer)
	}
	text, err := json.Marshal(answer)
	if err != nil {
		w.t.Fatal(err)
	}
	var h held
	if err := json.Unmarshal(text, &h); err != nil {
		w.t.Fatal(err)
	}
	return h
}
