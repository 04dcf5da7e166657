package provider_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// manySitesClient is one site in the plan of many sites.
type manySitesClient struct {
	URL         string `json:"url"`
	Token       string `json:"token"`
	Concurrency int    `json:"concurrency"`
	Timeout     string `json:"timeout"`
	Port        int    `json:"port"`
	Password    string `json:"password"`
	Name        string `json:"name"`
}

// manySites is a workspace with one plan for all sites of a testbed.
type manySites struct {
	*testbed
	ws      workspace
	clients map[string]manySitesClient
}

const manySitesConfig = `
variable "clients" {
  type = map(object({ url = string, token = string, concurrency = number, timeout = string, port = number, password = string, name = string }))
}
provider "smtp" {
  test_recipient = "` + recipient + `"
  max_retries    = 1
  on_unreachable = "warn"
  sites = {
    for key, client in var.clients : key => {
      url = client.url, token = client.token, concurrency = client.concurrency, request_timeout = client.timeout
    }
  }
}
resource "smtp_settings" "client" {
  for_each            = var.clients
  site                = each.key
  host                = "127.0.0.1"
  port                = each.value.port
  encryption          = "starttls"
  username            = "` + mailbox + `"
  password_wo         = each.value.password
  password_wo_version = 1
  from_name           = each.value.name
}
`

func startManySites(t *testing.T, n int) *manySites {
	t.Helper()
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("client-%02d", i)
	}
	m := &manySites{testbed: newTestbed(t, smtptest.Config{}, names...), clients: map[string]manySitesClient{}}
	for name, token := range m.tokens {
		m.clients[name] = manySitesClient{URL: m.http.URL + "/" + name, Token: token, Concurrency: 10, Timeout: "2m", Port: m.smtp.Port(), Password: password, Name: name}
	}
	m.ws = newWorkspace(t, manySitesConfig)
	m.save()
	return m
}

func (m *manySites) save() {
	m.t.Helper()
	variables, err := json.Marshal(map[string]any{"clients": m.clients})
	if err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.ws.Dir, "terraform.tfvars.json"), variables, 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// change changes one client in the plan.
func (m *manySites) change(name string, change func(*manySitesClient)) {
	m.t.Helper()
	c := m.clients[name]
	change(&c)
	m.clients[name] = c
	m.save()
}

// apply applies and returns the diagnostics of a severity from the JSON output, because the text output collapses equal warnings.
func (m *manySites) apply(wantOK bool) (errors, warnings []diagnostic) {
	m.t.Helper()
	out, ok := m.ws.run("apply", "-auto-approve", "-json")
	if ok != wantOK {
		m.t.Fatalf("succeeded: %t:\n%s", ok, out)
	}
	return reported(m.t, out, "error"), reported(m.t, out, "warning")
}

// intercept passes every request to handle, which may respond itself.
func (m *manySites) intercept(handle func(next http.Handler, rw http.ResponseWriter, r *http.Request)) {
	tamper := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { handle(next, rw, r) })
	}
	m.tamper.Store(&tamper)
}

// TestAccManySitesHang makes one of 50 sites hang at each request until all others have been answered: an apply that waits for it would
// never end.
func TestAccManySitesHang(t *testing.T) {
	t.Parallel()
	t.Run("R13_OneOf50", func(t *testing.T) { hang(t, 50, "client-07") })
	// It is not known yet whether the mail server accepts the login that the sites share.
	t.Run("R13_FirstToTestALogin", func(t *testing.T) { hang(t, 12, "") })
}

// hang applies n sites, one of which hangs: the named one or, without a name, the first whose test is requested.
func hang(t *testing.T, n int, hanging string) {
	t.Helper()
	m := startManySites(t, n)
	var mu sync.Mutex
	answered := map[string]map[string]bool{}
	others := map[string]chan struct{}{}
	for _, call := range []string{"GET /smtp", "PUT /smtp/tests", "PUT /smtp"} {
		answered[call], others[call] = map[string]bool{}, make(chan struct{})
	}
	hangs := func(name, call string) bool {
		mu.Lock()
		defer mu.Unlock()
		if hanging == "" && call == "PUT /smtp/tests" {
			hanging = name
		}
		return name == hanging
	}
	m.intercept(func(next http.Handler, rw http.ResponseWriter, r *http.Request) {
		name, call := callOf(r)
		all, waits := others[call]
		if !waits { // a test that takes long on a busy machine is polled
			next.ServeHTTP(rw, r)
			return
		}
		hung := hangs(name, call)
		if hung {
			select {
			case <-all:
			case <-r.Context().Done():
				t.Errorf("%s was canceled before the other sites had their responses", call)
			}
		}
		next.ServeHTTP(rw, r)
		mu.Lock()
		defer mu.Unlock()
		if !hung && !answered[call][name] {
			answered[call][name] = true
			if len(answered[call]) == len(m.clients)-1 {
				close(all)
			}
		}
	})
	m.apply(true)
	if all, _ := m.ws.addresses(); len(all) != len(m.clients) || len(m.smtp.Messages()) != len(m.clients) {
		t.Errorf("got %d sites in the state and %d messages, want one of each per site", len(all), len(m.smtp.Messages()))
	}
}

// TestAccManySitesDead applies while some sites are dead, each in a different way.
func TestAccManySitesDead(t *testing.T) {
	t.Parallel()
	t.Run("R26_SomeOf20", func(t *testing.T) {
		const closed, hangs, hangsUp, alive = "client-03", "client-05", "client-09", "client-11"
		m := startManySites(t, 20)
		m.apply(true)
		m.intercept(func(next http.Handler, rw http.ResponseWriter, r *http.Request) {
			switch name, _ := callOf(r); name {
			case hangs:
				<-r.Context().Done()
			case hangsUp:
				panic(http.ErrAbortHandler)
			default:
				next.ServeHTTP(rw, r)
			}
		})
		url := m.clients[closed].URL
		m.change(closed, func(c *manySitesClient) { c.URL, c.Name = fmt.Sprintf("http://127.0.0.1:%d", closedPort(t)), "New" })
		m.change(hangs, func(c *manySitesClient) { c.Timeout = "1s" })
		m.change(alive, func(c *manySitesClient) { c.Name = "New" })

		errors, warnings := m.apply(false)
		if got := sitesOf(errors); !slices.Equal(got, []string{closed}) {
			t.Errorf("got errors of %q: %+v; want one, of the unreachable site with a change", got, errors)
		}
		if got := sitesOf(warnings); !slices.Equal(got, []string{closed, hangs, hangsUp}) || len(summariesOf(warnings)) != 1 {
			t.Errorf("got warnings of %q: %+v; want one for each unreachable site, all with the same summary", got, warnings)
		}
		if m.state(alive).Settings.FromName != "New" {
			t.Error("an unreachable site held up another")
		}
		if all, tainted := m.ws.addresses(); len(all) != len(m.clients) || len(tainted) > 0 {
			t.Errorf("the state holds %d sites, of which %q are tainted", len(all), tainted)
		}

		m.tamper.Store(nil)
		m.change(closed, func(c *manySitesClient) { c.URL = url })
		m.wrote()
		if _, warnings := m.apply(true); len(warnings) > 0 {
			t.Errorf("got warnings %+v, want none", warnings)
		}
		want := []string{"PUT " + closed + " /smtp/tests", "PUT " + closed + " /smtp"}
		if got := m.wrote(); !slices.Equal(got, want) {
			t.Errorf("after the sites came back, the apply sent %q, want %q", got, want)
		}
	})
}

// TestAccManySitesFail: sites fail for several reasons. Each reason has one summary, and each error begins with its site.
func TestAccManySitesFail(t *testing.T) {
	t.Parallel()
	t.Run("R26_ForThreeReasons", func(t *testing.T) {
		m := startManySites(t, 20)
		untrusted := smtptest.Start(t, smtptest.Config{Users: map[string]secret.Text{mailbox: secret.New(password)}})
		before := maps.Clone(m.clients)
		fails := func(names []string, spoil func(*manySitesClient), counts ...int) {
			t.Helper()
			for _, name := range names {
				m.change(name, spoil)
			}
			errors, _ := m.apply(false)
			var failing []string
			for name := range m.clients {
				if m.clients[name] != before[name] {
					failing = append(failing, name)
				}
			}
			slices.Sort(failing)
			if got := sitesOf(errors); !slices.Equal(got, failing) {
				t.Errorf("got errors of %q, want those of %q", got, failing)
			}
			if got := slices.Sorted(maps.Values(summariesOf(errors))); !slices.Equal(got, counts) {
				t.Errorf("got summaries %v, want %v", summariesOf(errors), counts)
			}
		}
		// An error that is not transient fails the plan, before any site is changed.
		fails([]string{"client-15", "client-16"}, func(c *manySitesClient) { c.Token = "revoked" }, 2)
		if got := len(m.smtp.Messages()); got != 0 {
			t.Errorf("the plan failed, but %d messages were sent", got)
		}
		m.clients = maps.Clone(before)
		for _, name := range []string{"client-01", "client-02", "client-03"} {
			m.change(name, func(c *manySitesClient) { c.Password = "wrong" })
		}
		fails([]string{"client-11", "client-12"}, func(c *manySitesClient) { c.Port = untrusted.Port() }, 2, 3)
		m.clients = before
		m.save()
		m.apply(true)
		if got := len(m.smtp.Messages()); got != len(m.clients) {
			t.Errorf("got %d messages, want one per site", got)
		}
	})
}

// TestAccManySitesRest: one origin responds with 429. Its sites wait for that long, those of other origins do not.
func TestAccManySitesRest(t *testing.T) {
	t.Parallel()
	t.Run("R19_OneOfTwoOrigins", func(t *testing.T) {
		const rest = 3 * time.Second
		m := startManySites(t, 20)
		var mu sync.Mutex
		var busy, others []time.Time
		asked := make(chan struct{}) // closed once the busy origin received a request; the other origin does not respond before that
		origin := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			mu.Lock()
			busy = append(busy, time.Now())
			first := len(busy) == 1
			mu.Unlock()
			if first {
				close(asked)
				rw.Header().Set("Retry-After", number(int(rest/time.Second)))
				rw.WriteHeader(http.StatusTooManyRequests)
				return
			}
			m.server.Handler().ServeHTTP(rw, r)
		}))
		t.Cleanup(origin.Close)
		m.intercept(func(next http.Handler, rw http.ResponseWriter, r *http.Request) {
			select {
			case <-asked:
			case <-r.Context().Done():
			}
			mu.Lock()
			others = append(others, time.Now())
			mu.Unlock()
			next.ServeHTTP(rw, r)
		})
		for i := range 5 {
			name := fmt.Sprintf("client-%02d", i)
			m.change(name, func(c *manySitesClient) { c.URL, c.Concurrency = origin.URL+"/"+name, 1 })
		}
		if out, ok := m.ws.run("plan", "-no-color"); !ok {
			t.Fatal(out)
		}
		mu.Lock()
		defer mu.Unlock()
		meanwhile := slices.DeleteFunc(others, func(at time.Time) bool { return at.Before(busy[0]) || at.After(busy[1]) })
		if waited := busy[1].Sub(busy[0]); waited < rest || len(meanwhile) == 0 {
			t.Errorf("the other origin got %d requests meanwhile, and this origin the next one after %s", len(meanwhile), waited)
		}
	})
}

// sitesOf lists the sites that diagnostics begin with, each once.
func sitesOf(diagnostics []diagnostic) (names []string) {
	for _, d := range diagnostics {
		name, _, _ := strings.Cut(d.Detail, ": ")
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// summariesOf counts the diagnostics by summary.
func summariesOf(diagnostics []diagnostic) map[string]int {
	count := map[string]int{}
	for _, d := range diagnostics {
		count[d.Summary]++
	}
	return count
}
