package listmonktest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

const (
	configPath   = "/api/config"
	settingsPath = "/api/settings"
)

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+configPath, s.about)
	mux.HandleFunc("GET "+settingsPath, s.get)
	mux.HandleFunc("PUT "+settingsPath, s.put)
	mux.HandleFunc("POST "+settingsPath+"/smtp/test", s.test)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.calls = append(s.calls, r.Method+" "+r.URL.Path)
		s.mu.Unlock()
		if name, token, ok := r.BasicAuth(); !ok {
			refuse(w, http.StatusForbidden, "invalid session")
			return
		} else if name != s.Username || token != s.Token.Reveal() {
			refuse(w, http.StatusForbidden, "invalid API credentials")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]string{"message": message})
}

// secrets are the settings that are shown as bullets. lists are the lists whose objects have a password that is.
var (
	secrets = []string{
		"upload.s3.aws_secret_access_key", "bounce.sendgrid_key", "bounce.azure/shared_secret", "bounce.postmark/password",
		"bounce.forwardemail/key", "bounce.lettermint/key", "security.captcha/hcaptcha/secret", "security.oidc/client_secret",
	}
	lists = []string{"smtp", "bounce.mailboxes", "messengers"}
)

// find returns the object that holds a secret, and the secret's name in it.
func find(settings map[string]any, path string) (holder map[string]any, name string) {
	steps := strings.Split(path, "/")
	for _, step := range steps[:len(steps)-1] {
		settings, _ = settings[step].(map[string]any)
	}
	return settings, steps[len(steps)-1]
}

func objects(settings map[string]any, list string) []map[string]any {
	var found []map[string]any
	all, _ := settings[list].([]any)
	for _, member := range all {
		if object, ok := member.(map[string]any); ok {
			found = append(found, object)
		}
	}
	return found
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

func (s *Server) get(w http.ResponseWriter, _ *http.Request) {
	shown := s.Settings()
	for _, path := range secrets {
		holder, name := find(shown, path)
		holder[name] = masked(holder[name])
	}
	for _, list := range lists {
		for _, object := range objects(shown, list) {
			if object["password"] = masked(object["password"]); object["password"] == "" {
				delete(object, "password")
			}
		}
	}
	answer(w, http.StatusOK, map[string]any{"data": shown})
}

// about returns what every account may know.
func (s *Server) about(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer(w, http.StatusOK, map[string]any{"data": map[string]any{
		"root_url": s.config.RootURL, "version": s.config.Version, "needs_restart": s.outdated,
	}})
}

func masked(secret any) string { return strings.Repeat("•", utf8.RuneCountInString(text(secret))) }

func (s *Server) put(w http.ResponseWriter, r *http.Request) {
	var set map[string]any
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &set)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if !slices.ContainsFunc(objects(set, "smtp"), func(server map[string]any) bool { return server["enabled"] == true }) {
		refuse(w, http.StatusBadRequest, "At least one SMTP block should be enabled")
		return
	}
	if err := checkDurations(set); err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(set)
	if s.joined {
		join(set)
	}
	s.settings, s.outdated = set, s.campaigns
	if s.campaigns {
		answer(w, http.StatusOK, map[string]any{"data": map[string]bool{"needs_restart": true}})
		return
	}
	s.restart()
	answer(w, http.StatusOK, map[string]any{"data": true})
}

// checkDurations finds values that the genuine listmonk accepts, but then cannot start with.
func checkDurations(set map[string]any) error {
	for _, server := range objects(set, "smtp") {
		for _, name := range []string{"msg_retry_delay", "idle_timeout", "wait_timeout"} {
			if _, err := time.ParseDuration(text(server[name])); err != nil && server["enabled"] == true {
				return fmt.Errorf("error reading SMTP config: %s of %v: %w", name, server["host"], err)
			}
		}
	}
	return nil
}

// keep fills in secrets that are empty. In a list, the secret comes from the object with the same UUID.
func (s *Server) keep(set map[string]any) {
	for _, path := range secrets {
		holder, name := find(set, path)
		if was, _ := find(s.settings, path); text(holder[name]) == "" {
			holder[name] = was[name]
		}
	}
	for _, list := range lists {
		for _, object := range objects(set, list) {
			for _, was := range objects(s.settings, list) {
				if text(object["password"]) == "" && was["uuid"] == object["uuid"] {
					object["password"] = was["password"]
				}
			}
			if text(object["uuid"]) == "" {
				object["uuid"] = uuid.NewString()
			}
		}
	}
}

// join adds an unmanaged server once the first real server is enabled.
func join(set map[string]any) {
	servers := objects(set, "smtp")
	joined := slices.ContainsFunc(servers, func(server map[string]any) bool { return server["name"] == "email-second" })
	first := slices.ContainsFunc(servers, func(server map[string]any) bool {
		return server["enabled"] == true && server["host"] != "smtp.yoursite.com"
	})
	if first && !joined {
		all, _ := set["smtp"].([]any)
		set["smtp"] = append(all, map[string]any{
			"name": "email-second", "uuid": uuid.NewString(), "enabled": true, "host": "second.example.com", "port": 587,
			"tls_type": "STARTTLS", "msg_retry_delay": "10ms", "idle_timeout": "15s", "wait_timeout": "5s",
		})
	}
}
