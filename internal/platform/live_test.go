//go:build live

package platform_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/platform"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/site/sitetest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// variable is an environment variable that live.sh documents.
func variable(name, otherwise string) string {
	return cmp.Or(os.Getenv("SMTP_TEST_SITE_"+name), otherwise)
}

// TestLive runs the conformance suite against the site at SMTP_TEST_SITE_URL, with its own mail server.
func TestLive(t *testing.T) {
	const mailer = "mailer@example.com"
	password := secret.New(uuid.NewString())
	mail := smtptest.Start(t, smtptest.Config{
		Address: variable("MAIL_ADDRESS", ""), Encryption: site.NoEncryption, Users: map[string]secret.Text{mailer: password},
	})
	port, err := strconv.Atoi(variable("MAIL_PORT", strconv.Itoa(mail.Port())))
	if err != nil {
		t.Fatal(err)
	}
	good, bad := sitetest.Candidates(variable("MAIL_HOST", mail.Host()), port, site.Encryption(variable("MAIL_ENCRYPTION", "none")), mailer, password)
	if variable("PLATFORM", "") == platform.Listmonk {
		addServer(t, good)
	}
	sitetest.Run(t, sitetest.Target{
		Open: func(t *testing.T) site.Site {
			t.Helper()
			s := openLive(t)
			state, err := s.Read(t.Context())
			if err == nil && !state.IsClear() {
				err = s.Clear(t.Context(), site.ClearRequest{Revision: state.Revision, SiteID: state.SiteID})
			}
			if err != nil {
				t.Fatalf("clear the site: %v", err)
			}
			return s
		},
		Good:      good,
		Bad:       bad,
		Recipient: "ops@example.com",
		Inbox:     func() int { return mail.Counters().Messages },
		Single:    true,
	})
}

func openLive(t *testing.T) site.Site {
	t.Helper()
	pool := adminapi.NewPool(adminapi.PoolOptions{})
	t.Cleanup(pool.Close)
	s, err := platform.Open(pool, platform.Config{
		Platform: variable("PLATFORM", ""),
		API:      adminapi.Config{URL: variable("URL", ""), Limits: adminapi.DefaultLimits()},
		Account: adminapi.Account{
			Token: secret.New(variable("TOKEN", "")), Username: variable("USERNAME", ""), Password: secret.New(variable("PASSWORD", "")),
		},
	})
	if err != nil {
		t.Fatalf("SMTP_TEST_SITE_…: %v", err)
	}
	return s
}

// addServer makes sure that listmonk has a second enabled server, so that the managed one is not the last and can be disabled.
func addServer(t *testing.T, managed site.Candidate) {
	t.Helper()
	s := openLive(t)
	state, err := s.Read(t.Context())
	if err == nil && state.Settings != managed.Settings {
		_, err = s.Save(t.Context(), site.SaveRequest{Settings: managed.Settings, Password: managed.Password, Enabled: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	var settings struct{ Data map[string]any }
	body := regexp.MustCompile(`"•+"`).ReplaceAll(callListmonk(t, http.MethodGet, nil), []byte(`""`))
	if err := json.Unmarshal(body, &settings); err != nil {
		t.Fatal(err)
	}
	servers := settings.Data["smtp"].([]any)
	for _, server := range servers {
		if server.(map[string]any)["host"] == "second.example.com" {
			return
		}
	}
	settings.Data["smtp"] = append(servers, map[string]any{
		"name": "second", "enabled": true, "host": "second.example.com", "port": 587, "auth_protocol": "none", "tls_type": "STARTTLS",
		"email_headers": []any{}, "from_addresses": []any{}, "max_conns": 1, "max_msg_retries": 1,
		"msg_retry_delay": "10ms", "idle_timeout": "15s", "wait_timeout": "5s",
	})
	body, err = json.Marshal(settings.Data)
	if err != nil {
		t.Fatal(err)
	}
	callListmonk(t, http.MethodPut, body)
	// It restarts.
	if err := adminapi.Sleep(t.Context(), 2*time.Second); err != nil {
		t.Fatal(err)
	}
}

func callListmonk(t *testing.T, method string, body []byte) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, variable("URL", "")+"/api/settings", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(variable("USERNAME", ""), variable("PASSWORD", ""))
	request.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s, %v", method, resp.StatusCode, answer, err)
	}
	return answer
}
