package refsite

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Limits of one connection. A request may take as long as the wait for its test, and a little more.
const (
	headerTimeout  = 10 * time.Second
	readTimeout    = 30 * time.Second
	writeTimeout   = 60 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 16 << 10
	stopTimeout    = 90 * time.Second
)

// Serve answers requests on l until ctx ends. It then waits for running requests and tests, for at most 90 s, and closes the server. A
// nil certs serves plain HTTP, for loopback addresses and for proxies that terminate TLS.
func (s *Server) Serve(ctx context.Context, l net.Listener, certs *tls.Config) error {
	srv := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		TLSConfig:         certs,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		stopped <- errors.Join(srv.Shutdown(bounded), s.Close(bounded))
	})
	err := listen(srv, l)
	if stop() {
		return errors.Join(err, s.Close(ctx))
	}
	return <-stopped
}

func listen(srv *http.Server, l net.Listener) error {
	if srv.TLSConfig != nil {
		return srv.ServeTLS(l, "", "")
	}
	return srv.Serve(l)
}
