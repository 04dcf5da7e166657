package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/soaktest"
)

const password = "a submission password"

// noReuse dials for every request, because the server process is killed repeatedly.
var noReuse = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// call sends a request to client-a. The status is 0 if there was no response.
func (p process) call(t *testing.T, token, method, path string, body any, ifMatch string) (status int, answer map[string]any) {
	t.Helper()
	payload, err := json.Marshal(body)
	if err != nil {
		t.Error(err)
	}
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, "http://"+p.Address+"/client-a/admin/api/v1"+path, bytes.NewReader(payload))
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	if ifMatch != "" {
		r.Header.Set("If-Match", ifMatch)
	}
	resp, err := noReuse.Do(r)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return 0, nil
	}
	return resp.StatusCode, answer
}

// write is one PUT and the revision that it was based on.
type write struct {
	number int
	body   map[string]any
	tag    string
}

// writeUntilKilled writes one revision after another and returns the first one without a response. Before each, it sends its number to
// started.
func (p process) writeUntilKilled(t *testing.T, token string, from write, started chan<- int) write {
	for w := from; ; {
		started <- w.number
		status, got := p.call(t, token, http.MethodPut, "/smtp", w.body, w.tag)
		switch status {
		case 0:
			return w
		case http.StatusOK:
			w = nextWrite(w.number+1, got)
		default:
			t.Errorf("write %d: %d %v", w.number, status, got)
			return w
		}
	}
}

func nextWrite(number int, read map[string]any) write {
	body := map[string]any{"settings": settings(nil, fmt.Sprint("write ", number)), "password": password, "enabled": false, "write_id": uuid.NewString()}
	return write{number: number, body: body, tag: fmt.Sprintf("%q", read["revision"])}
}

// TestR39KilledWhileWriting finds exactly the old or the new record after each kill (I6), and the outcome by reading the site (I10).
func TestR39KilledWhileWriting(t *testing.T) {
	kills, random := soaktest.Count(200), soaktest.Random(t)
	args := files(t)
	p := launch(t, args...)
	token := p.Lines[0]["token"]
	_, read := p.call(t, token, http.MethodGet, "/smtp", nil, "")
	pending := nextWrite(1, read)
	for range kills {
		started, killAt := make(chan int), pending.number+random.IntN(20)
		var killed sync.WaitGroup
		killed.Go(func() {
			for number := range started {
				if number == killAt {
					// At any time from before the write to after its response.
					for range random.IntN(200_000) {
						_ = random.Uint64()
					}
					p.Kill()
				}
			}
		})
		pending = p.writeUntilKilled(t, token, pending, started)
		close(started)
		killed.Wait()

		p = launch(t, args...)
		_, got := p.call(t, token, http.MethodGet, "/smtp", nil, "")
		before, after := fmt.Sprint("write ", pending.number-1), fmt.Sprint("write ", pending.number)
		name := got["settings"].(map[string]any)["from_name"]
		isNew := name == after && got["last_write_id"] == pending.body["write_id"]
		isOld := (name == before || pending.number == 1 && name == "") && fmt.Sprintf("%q", got["revision"]) == pending.tag
		if isNew == isOld || got["password_set"] != (name != "") {
			t.Fatalf("after the kill in %q, the site holds %v, want the old or the new settings", after, got)
		}
		status, repeated := p.call(t, token, http.MethodPut, "/smtp", pending.body, pending.tag)
		if status != http.StatusOK || repeated["last_write_id"] != pending.body["write_id"] {
			t.Fatalf("retrying the write: got %d %v", status, repeated)
		}
		pending = nextWrite(pending.number+1, repeated)
		if strings.Contains(p.Log(), `"ERROR"`) {
			t.Fatalf("the inspection at the start reported errors: %s", p.Log())
		}
	}
	t.Logf("%d kills in %d writes", kills, pending.number)
}

// TestR39KilledWhileTesting kills between any two steps of the SMTP session: the test is in doubt, and is not sent again with the same
// key (I3).
func TestR39KilledWhileTesting(t *testing.T) {
	stages := []site.Stage{site.StageAuth, site.StageMail, site.StageRcpt, site.StageData}
	mail, trust := startMail(t, smtptest.Config{Users: map[string]secret.Text{"mailer@example.com": secret.New(password)}})
	args := append(files(t), append(trust, "-test-burst", "1000")...)
	p := launch(t, args...)
	token, whole := p.Lines[0]["token"], t
	for i := range soaktest.Count(60) {
		stage := stages[i%len(stages)]
		t.Run(fmt.Sprint(i, "_", stage), func(t *testing.T) {
			before, reached, killed := mail.Counters().Connections, make(chan struct{}), make(chan struct{})
			mail.SetFaults(smtptest.Faults{Before: func(ctx context.Context, at site.Stage) {
				if at == stage {
					close(reached)
					select {
					case <-killed:
					case <-ctx.Done():
					}
				}
			}})
			body := map[string]any{"settings": settings(mail, "A"), "password": password, "recipient": "ops@example.com"}
			path := "/smtp/tests/" + uuid.NewString()
			answered := make(chan string)
			go func() {
				status, got := p.call(t, token, http.MethodPut, path, body, "")
				answered <- fmt.Sprint(status, got)
			}()
			select {
			case <-reached:
			case answer := <-answered:
				t.Fatalf("the test never reached stage %s: %s", stage, answer)
			}
			p.Kill()
			close(killed)
			if answer := <-answered; answer != "0 map[]" {
				t.Error(answer)
			}

			p = launch(whole, args...)
			for _, method := range []string{http.MethodGet, http.MethodPut} {
				if status, got := p.call(t, token, method, path, body, ""); status != http.StatusOK || got["status"] != "in_doubt" {
					t.Errorf("%s: %d %v", method, status, got)
				}
			}
			save := map[string]any{"settings": body["settings"], "password": password, "enabled": true, "write_id": uuid.NewString()}
			if status, got := p.call(t, token, http.MethodPut, "/smtp", save, `"0"`); status != http.StatusConflict {
				t.Errorf("enabling: got %d %v", status, got)
			}
			if n := mail.Counters().Connections - before; n != 1 {
				t.Errorf("got %d connections, want 1", n)
			}
		})
	}
}
