// Package listmonktest replays a listmonk: its settings API as captures of the genuine one and its source show it, with
// what makes it special. Secrets are shown as bullets and kept for an empty string, a write takes everything and ends with
// a restart, and a test really sends a message.
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

// factory are the settings of a new listmonk, as its database has them.
//
//go:embed settings.json
var factory []byte

// TB is the part of testing.TB that is needed here.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Config says what to replay.
type Config struct {
	// RootURL is where the public finds it; empty for another one each time.
	RootURL string
	// RootCAs are the authorities that it trusts; nil for those of the system.
	RootCAs *x509.CertPool
	// Version is the one that it says it is, such as v5.0.3; empty for v6.2.0.
	Version string
	// RestartAfter is how long after a write it goes away, and Away for how long. With neither it never goes.
	RestartAfter, Away time.Duration
}

// Server is a listmonk that was never configured.
type Server struct {
	// URL is its address, without a slash at the end.
	URL string
	// Username is that of an API user, Token theirs.
	Username string
	Token    secret.Text

	config  Config
	address string

	mu       sync.Mutex
	settings map[string]any
	calls    []string
	// campaigns are running: it does not restart by itself.
	campaigns bool
	// outdated: it goes on with other settings than those in its database.
	outdated bool
	// joined: when a first server is enabled, somebody enables a second one.
	joined bool
	// away counts the restarts.
	away     int
	http     *http.Server
	served   chan struct{}
	restarts sync.WaitGroup
}

// Start starts a replay that ends with the test.
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

// serve listens again where it did before.
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

// restart goes away for a while, some time from now.
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

// Restarts is how often it went away so far.
func (s *Server) Restarts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.away
}

// Calls returns the calls so far, such as "PUT /api/settings".
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.calls...)
}

// RunCampaigns has it not restart after a write.
func (s *Server) RunCampaigns() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.campaigns = true
}

// Join has somebody enable a second server as soon as a first one is, so that the first is not the last.
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

// Settings returns the settings in its database, secrets and all.
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
