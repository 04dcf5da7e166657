package pocketbasetest_test

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/sitemail/terraform-provider-smtp/internal/platform/pocketbase/pocketbasetest"
)

// TestMain makes sure that no process is left behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func health(t *testing.T, url string) int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/health", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(request)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestStart(t *testing.T) {
	var url string
	t.Run("Serves", func(t *testing.T) {
		one, other := pocketbasetest.Start(t, pocketbasetest.Config{}), pocketbasetest.Start(t, pocketbasetest.Config{})
		url = one.URL
		if health(t, one.URL) != http.StatusOK || health(t, other.URL) != http.StatusOK || one.URL == other.URL {
			t.Errorf("%s or %s does not answer", one.URL, other.URL)
		}
	})
	t.Run("StopsWithTheTest", func(t *testing.T) {
		if got := health(t, url); got != 0 {
			t.Errorf("%s still answers with %d", url, got)
		}
	})
}

func TestRestart(t *testing.T) {
	s := pocketbasetest.Start(t, pocketbasetest.Config{})
	before := s.URL
	s.Restart(t)
	if health(t, s.URL) != http.StatusOK || health(t, before) != 0 {
		t.Errorf("%s does not answer, or %s still does", s.URL, before)
	}
}
