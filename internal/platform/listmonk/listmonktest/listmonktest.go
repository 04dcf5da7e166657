// Package listmonktest simulates listmonk's settings API, after captures of the genuine one and its source, with its peculiarities:
// secrets are shown as bullets, and kept if an empty string is written; a write replaces everything and ends with a restart; and a test
// really sends a message.
package listmonktest

import (
	"cmp"
	"crypto/x509"
	_ "embed"
	"encoding/json"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// factory are the settings in the database of a new listmonk.
//
//go:embed settings.json
var factory []byte

// TB is the part of [testing.TB] that this package needs.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Config configures a Server.
type Config struct {
	// RootURL is its public URL; empty for a random one.
	RootURL string
	// RootCAs are the authorities that it trusts; nil stands for the system's.
	RootCAs *x509.CertPool
	// Version is the version that it reports, such as v5.0.3; empty stands for v6.2.0.
	Version string
	// RestartAfter is the delay between a write and its restart, Away the duration of the restart. If Away is 0, it never restarts.
	RestartAfter, Away time.Duration
}

// Server is a listmonk that was never configured.
type Server struct {
	// URL is its address, without a slash at the end.
	URL string
	// Username and Token belong to an API user.
	Username string
	Token    secret.Text

	config  Config
	address string

	mu       sync.Mutex
	settings map[string]any
	calls    []string
	// campaigns is true while campaigns are running, so that it does not restart.
	campaigns bool
	// outdated is true if it uses settings other than those in its database.
	outdated bool
	// joined is true if a second server must be enabled together with the first.
	joined bool
	// away counts the restarts.
	away     int
	http     *http.Server
	served   chan struct{}
	restarts sync.WaitGroup
}

// Start starts a server that ends with the test.
func Start(t TB, c Config) *Server {
	t.Helper()
	s := &Server{Username: "terraform", Token: secret.New(uuid.NewString()), config: c, address: "127.0.0.1:0"}
	if err := json.Unmarshal(factory, &s.settings); err != nil {
		t.Fatalf("%v", err)
	}
	if c.RootURL == "" {
		s.config.RootURL = "https://" + uuid.NewString() + ".example"
	}
	s.config.Version = cmp.Or(c.Version, "v6.2.0")
	s.settings["app.root_url"] = s.config.RootURL
	if err := s.serve(); err != nil {
		t.Fatalf("%v", err)
	}
	s.URL = "http://" + s.address
	t.Cleanup(func() {
		s.restarts.Wait()
		s.leave()
	})
	return s
}

// serve listens, after a restart at the same address.
func (s *Server) serve() error {
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.address, s.served = l.Addr().String(), make(chan struct{})
	s.http = &http.Server{Handler: s.handler(), ReadHeaderTimeout: time.Minute}
	go func(server *http.Server, served chan struct{}) {
		defer close(served)
		_ = server.Serve(l)
	}(s.http, s.served)
	return nil
}

func (s *Server) leave() {
	s.mu.Lock()
	server, served := s.http, s.served
	s.mu.Unlock()
	_ = server.Close()
	<-served
}

// restart makes the server unavailable for Away, after RestartAfter.
func (s *Server) restart() {
	if s.config.Away == 0 {
		return
	}
	s.restarts.Add(1)
	time.AfterFunc(s.config.RestartAfter, func() {
		s.leave()
		time.AfterFunc(s.config.Away, func() {
			defer s.restarts.Done()
			s.mu.Lock()
			s.away++
			s.mu.Unlock()
			_ = s.serve()
		})
	})
}

// Restarts returns how often it has restarted.
func (s *Server) Restarts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.away
}

// Calls returns the requests so far, such as "PUT /api/settings".
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.calls...)
}

// RunCampaigns prevents a restart after a write.
func (s *Server) RunCampaigns() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.campaigns = true
}

// Join enables a second server as soon as the first is enabled, so that the first is not the last enabled one.
func (s *Server) Join() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.joined = true
}

// Edit changes the settings in its database.
func (s *Server) Edit(edit func(settings map[string]any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	edit(s.settings)
}

// Settings returns the settings in its database, including secrets.
func (s *Server) Settings() map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return clone(s.settings)
}

func clone(value map[string]any) (copied map[string]any) {
	encoded, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(encoded, &copied)
	}
	if err != nil {
		panic(err)
	}
	return copied
}
