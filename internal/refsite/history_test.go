package refsite_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/test/soaktest"
)

// asked is one request of a history. Its name is the from_name that it saves or tests.
type asked struct {
	call     string
	name     int
	enabled  bool
	revision string
	writeID  string
}

// said is the relevant part of its response.
type said struct {
	status   int
	name     string
	enabled  bool
	revision string
	writeID  string
	verified bool
}

// held is a site's state after sequential edits. It is comparable, as the checker requires.
type held struct {
	name, writeID string
	enabled       bool
	verified      bool
	revision      int
	// passed is a bit set of the names that passed.
	passed uint8
}

// names is the number of different settings in a history.
const names = 3

// contractModel is the sequential model of the contract.
var contractModel = porcupine.Model{
	Init: func() any { return held{} },
	Step: func(state, input, output any) (bool, any) {
		s, got := state.(held), output.(said)
		next, status := s.step(input.(asked))
		if got.status != status {
			return false, s
		}
		if status != http.StatusOK || input.(asked).call == "test" {
			return true, next
		}
		return got == said{status, next.name, next.enabled, strconv.Itoa(next.revision), next.writeID, next.verified}, next
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
}

func (s held) step(in asked) (next held, status int) {
	name := "name " + strconv.Itoa(in.name)
	bit := uint8(1) << in.name
	next = s
	switch {
	case in.call == "read":
		return s, http.StatusOK
	case in.call == "test":
		next.passed |= bit
		return next, http.StatusOK
	case in.revision != strconv.Itoa(s.revision):
		return s, http.StatusPreconditionFailed
	case in.call == "clear":
		return held{revision: s.revision + 1, passed: s.passed}, http.StatusOK
	case in.enabled && s.passed&bit == 0:
		return s, http.StatusConflict
	}
	return held{name, in.writeID, in.enabled, s.passed&bit != 0, s.revision + 1, s.passed}, http.StatusOK
}

// editor is one of several concurrent editors of a site.
type editor struct {
	*client
	w      *testbed
	random *rand.Rand
	// keys are the history's test keys by name: editors that test the same name use the same key.
	keys []string
	// seen is the revision that this editor last saw.
	seen string
}

// act sends one request.
func (e *editor) act() (asked, said, error) {
	in := asked{call: "read", revision: e.seen}
	method, path := http.MethodGet, "/smtp"
	var body any
	in.name = e.random.IntN(names)
	settings := e.w.settings(object{"encryption": "none", "from_name": "name " + strconv.Itoa(in.name)})
	switch n := e.random.IntN(10); {
	case n < 3:
	case n < 4:
		in.call, method = "clear", http.MethodDelete
	case n < 6:
		in.call = "test"
		method, path = http.MethodPut, "/smtp/tests/"+e.keys[in.name]
		body = object{"settings": settings, "password": e.w.password, "recipient": recipient}
	default:
		in.call, in.enabled, in.writeID = "save", e.random.IntN(2) == 0, uuid.NewString()
		method, body = http.MethodPut, object{"settings": settings, "password": e.w.password, "enabled": in.enabled, "write_id": in.writeID}
	}
	got, err := e.try(e.t.Context(), method, path, body, "If-Match", `"`+e.seen+`"`)
	out := said{status: got.status}
	if got.status == http.StatusOK && in.call != "test" {
		settings, _ := got.object["settings"].(object)
		out.name, _ = settings["from_name"].(string)
		out.enabled, _ = got.object["enabled"].(bool)
		out.revision, _ = got.object["revision"].(string)
		out.writeID, _ = got.object["last_write_id"].(string)
		out.verified = got.object["verification"] != nil
		e.seen = out.revision
	}
	return in, out, err
}

// TestR5HistoriesAreLinearizable runs several editors concurrently, and checks that a sequential order of their requests explains every
// response.
func TestR5HistoriesAreLinearizable(t *testing.T) {
	const editors, calls = 5, 8
	random := soaktest.Random(t)
	w := start(t, func(c *refsite.Config) { c.TestBurst = 1000 })
	w.mail = startPlain(t, w.password)
	decided := map[int]int{}
	for n := range soaktest.Count(200) {
		c := w.quickSite("history-" + strconv.Itoa(n))
		messages := w.mail.Counters().Messages
		keys := []string{uuid.NewString(), uuid.NewString(), uuid.NewString()}
		began := time.Now()
		var mu sync.Mutex
		var history []porcupine.Operation
		var all sync.WaitGroup
		for id := range editors {
			e := editor{c, w, rand.New(rand.NewPCG(random.Uint64(), 0)), keys, "0"}
			all.Go(func() {
				for range calls {
					call := time.Since(began)
					in, out, err := e.act()
					back := time.Since(began)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					history = append(history, porcupine.Operation{ClientId: id, Input: in, Call: int64(call), Output: out, Return: int64(back)})
					mu.Unlock()
				}
			})
		}
		all.Wait()
		if result := porcupine.CheckOperationsTimeout(contractModel, history, time.Minute); result != porcupine.Ok {
			for _, o := range history {
				t.Logf("%d: %d-%d %s", o.ClientId, o.Call, o.Return, contractModel.DescribeOperation(o.Input, o.Output))
			}
			t.Fatalf("history %d is not linearizable: %s", n, result)
		}
		tested := map[int]bool{}
		for _, o := range history {
			decided[o.Output.(said).status]++
			if in := o.Input.(asked); in.call == "test" {
				tested[in.name] = true
			}
		}
		if got := w.mail.Counters().Messages - messages; got != len(tested) {
			t.Fatalf("I3: got %d messages for %d keys", got, len(tested))
		}
	}
	t.Logf("answers by status: %v", decided)
	for _, status := range []int{http.StatusOK, http.StatusConflict, http.StatusPreconditionFailed} {
		if decided[status] == 0 {
			t.Errorf("no request was answered with %d", status)
		}
	}
}

// The checker must reject a history that no order explains.
func TestR5TheCheckerFindsLostUpdates(t *testing.T) {
	save := func(at int64, name int, got said) porcupine.Operation {
		return porcupine.Operation{Input: asked{call: "save", name: name, revision: "0", writeID: got.writeID}, Call: at, Output: got, Return: at + 1}
	}
	won := func(name, id string) said { return said{status: http.StatusOK, name: name, revision: "1", writeID: id} }
	lost := said{status: http.StatusPreconditionFailed}
	good := []porcupine.Operation{save(0, 0, won("name 0", "x")), save(1, 1, lost)}
	for name, history := range map[string][]porcupine.Operation{
		"BothWin":       {save(0, 0, won("name 0", "x")), save(0, 1, won("name 1", "y"))},
		"BothLose":      {save(0, 0, lost), save(0, 1, lost)},
		"NotTheWinners": {save(0, 0, won("name 1", "x")), save(1, 1, lost)},
		"ReadFromThePast": append(slices.Clone(good), porcupine.Operation{
			Input: asked{call: "read"}, Call: 9, Output: said{status: http.StatusOK, revision: "0"}, Return: 10,
		}),
		"EnabledUntested": {{Input: asked{call: "save", enabled: true, revision: "0"}, Output: said{status: http.StatusOK, enabled: true, revision: "1", name: "name 0"}}},
	} {
		if porcupine.CheckOperations(contractModel, history) {
			t.Errorf("the model accepts %s", name)
		}
	}
	if !porcupine.CheckOperations(contractModel, good) {
		t.Error("the model rejects a valid history")
	}
}
