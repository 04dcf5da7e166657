package provider_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// many configures sites. The managed ones have a resource with mail off, so that no tests are needed.
func (tb *testbed) many(provider string, entry func(name string) string, managed []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "provider \"smtp\" {\n  concurrency = 100\n  max_retries = 0\n%s\n  sites = {\n", provider)
	for _, name := range slices.Sorted(maps.Keys(tb.tokens)) {
		fmt.Fprintf(&b, "    %q = { url = %q, token = %q%s }\n", name, tb.http.URL+"/"+name, tb.tokens[name], entry(name))
	}
	b.WriteString("  }\n}\nvariable \"managed\" {\n  default = {\n")
	for _, name := range managed {
		fmt.Fprintf(&b, "    %q = true\n", name)
	}
	fmt.Fprintf(&b, `  }
}
resource "smtp_settings" "client" {
  for_each     = var.managed
  site         = each.key
  host         = "smtp.example.com"
  port         = 587
  encryption   = "starttls"
  from_address = "hello@client.example"
  enabled      = false
}
`)
	return b.String()
}

// gate holds reads until that many arrive concurrently.
type gate struct {
	mu         sync.Mutex
	missing    int
	open       chan struct{}
	busy, peak int
	exempt     string
}

func (g *gate) hold(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		exempt := strings.HasPrefix(r.URL.Path, "/"+g.exempt+"/")
		g.mu.Lock()
		g.busy++
		g.peak = max(g.peak, g.busy)
		if !exempt {
			g.missing--
		}
		if g.missing == 0 && !exempt {
			close(g.open)
		}
		g.mu.Unlock()
		if !exempt {
			select {
			case <-g.open:
			case <-r.Context().Done():
			}
		}
		next.ServeHTTP(rw, r)
		g.mu.Lock()
		g.busy--
		g.mu.Unlock()
	})
}

func TestAccReadAhead(t *testing.T) {
	t.Parallel()
	var managed, unmanaged []string
	for i := range 16 {
		managed = append(managed, fmt.Sprintf("client-%02d", i))
	}
	for i := range 4 {
		unmanaged = append(unmanaged, fmt.Sprintf("other-%02d", i))
	}
	tb := newTestbed(t, smtptest.Config{}, slices.Concat(managed, unmanaged)...)
	left := unmanaged[0]
	entry := func(name string) string {
		if name == left {
			return ", read_ahead = false"
		}
		return ""
	}
	ws := newWorkspace(t, tb.many("", entry, managed))
	if out, ok := ws.run("apply", "-auto-approve", "-no-color"); !ok {
		t.Fatal(out)
	}
	tb.called()
	reads := func(names []string) []string {
		var calls []string
		for _, name := range names {
			calls = append(calls, "GET "+name+" /smtp")
		}
		return calls
	}
	plan := func(missing int, want []string) *gate {
		t.Helper()
		g := &gate{missing: missing, open: make(chan struct{}), exempt: left}
		tb.tamper.Store(new(g.hold))
		if out, ok := ws.run("plan", "-detailed-exitcode", "-no-color"); !ok {
			t.Fatal(out)
		}
		if got := slices.Sorted(slices.Values(tb.called())); !slices.Equal(got, want) {
			t.Errorf("got requests %q, want one per site: %q", got, want)
		}
		return g
	}
	t.Run("FirstRefresh", func(*testing.T) {
		// No read is answered before all sites are being read; without read-ahead, Terraform would never get there.
		plan(len(managed)+len(unmanaged)-1, reads(slices.Concat(managed, unmanaged[1:])))
	})
	t.Run("Disabled", func(t *testing.T) {
		ws.configure(tb.many("read_ahead = false", entry, managed))
		if g := plan(1, reads(managed)); g.peak > 10 {
			t.Errorf("got %d concurrent reads, want at most Terraform's own 10", g.peak)
		}
	})
	t.Run("DetectsDrift", func(t *testing.T) {
		ws.configure(tb.many("", entry, managed))
		tb.tamper.Store(nil)
		tb.edit(managed[15], func(s *site.SaveRequest) { s.Settings.FromName = "Somebody" })
		out, _ := ws.run("plan", "-no-color")
		if !strings.Contains(out, `smtp_settings.client["client-15"] will be updated`) || !strings.Contains(out, "1 to change") {
			t.Error(out)
		}
	})
	t.Run("TargetedRunReadsOnlyItsTargets", func(t *testing.T) {
		tb.called()
		args := []string{"plan", "-no-color"}
		for _, name := range managed[:9] {
			args = append(args, fmt.Sprintf("-target=smtp_settings.client[%q]", name))
		}
		if out, ok := ws.run(args...); !ok {
			t.Fatal(out)
		}
		if got := slices.Sorted(slices.Values(tb.called())); !slices.Equal(got, reads(managed[:9])) {
			t.Errorf("got requests %q, want only those to the targets", got)
		}
	})
}
