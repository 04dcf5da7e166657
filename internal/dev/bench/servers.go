package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

const (
	mailbox  = "mailer@example.com"
	password = "correct horse battery staple"
)

// servers are reference sites in one process, each with a separate origin on 127.0.0.0/8, and one mail server.
type servers struct {
	smtp   *smtptest.Server
	server *refsite.Server
	http   http.Server
	// clients are the sites by key, for the configuration.
	clients map[string]client
	tokens  map[string]string

	calls, connections atomic.Int64
	// latency is added to every response of a site, sending to every message; both are in nanoseconds.
	latency, sending atomic.Int64
}

type client struct {
	URL string `json:"url"`
}

func startServers(dir string, sites int) (_ *servers, err error) {
	s := &servers{clients: map[string]client{}, tokens: map[string]string{}}
	s.smtp, err = smtptest.New(smtptest.Config{
		Encryption: site.NoEncryption,
		Users:      map[string]secret.Text{mailbox: secret.New(password)},
		Faults: smtptest.Faults{Before: func(_ context.Context, stage site.Stage) {
			if stage == site.StageData {
				time.Sleep(time.Duration(s.sending.Load()))
			}
		}},
	})
	if err != nil {
		return nil, err
	}
	s.server, err = refsite.New(refsite.Config{
		DataFile:      filepath.Join(dir, "sites.db"),
		Keys:          seal.Generate(),
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Logger:        slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	s.http.Handler = s.counted(s.server.Handler())
	s.http.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	s.http.ReadHeaderTimeout = time.Minute
	for i := range sites {
		if err := s.addSite(i); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *servers) addSite(i int) error {
	key := fmt.Sprintf("site-%04d", i)
	credentials, err := s.server.AddSite(key)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", fmt.Sprintf("127.1.%d.%d:0", i/250, i%250+1))
	if err != nil {
		return err
	}
	go func() { _ = s.http.Serve(listener) }()
	s.clients[key] = client{URL: "http://" + listener.Addr().String() + "/" + key}
	s.tokens[key] = credentials.Token.Reveal()
	return nil
}

func (s *servers) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		s.calls.Add(1)
		time.Sleep(time.Duration(s.latency.Load()))
		next.ServeHTTP(rw, r)
	})
}

func (s *servers) close() {
	_ = s.http.Close()
	_ = s.server.Close(context.Background())
	_ = s.smtp.Close()
}

// tempDir returns a temporary folder, and a function that removes it.
func tempDir() (string, func(), error) {
	dir, err := os.MkdirTemp("", "smtp-bench-")
	return dir, func() { _ = os.RemoveAll(dir) }, err
}
