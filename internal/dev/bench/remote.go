package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// remoteState compares create and update with the floor while a server stores the state. With a local state, the CLI rewrites the file
// for each resource, which hides what the providers cost.
func (b *bench) remoteState(ctx context.Context) error {
	n := b.sizes[len(b.sizes)-1]
	results := map[string][]map[string]sample{}
	for range b.rounds {
		for _, c := range oursAndFloor() {
			samples, err := b.playRemotely(ctx, c, n)
			if err != nil {
				return err
			}
			results[c.name] = append(results[c.name], samples)
		}
	}
	var times []string
	for _, phase := range []string{"create", "update"} {
		times = append(times, fmt.Sprintf("%s %s of %s", phase, spread(ratios(results, ours().name, "floor", phase, wallSeconds)),
			seconds(middle(results["floor"], phase, wallSeconds))))
	}
	fmt.Fprintf(b.out, "\n%d sites whose state a server keeps, in times of the floor: %s\n", n, strings.Join(times, ", "))
	return nil
}

func (b *bench) playRemotely(ctx context.Context, c contender, sites int) (map[string]sample, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := http.Server{Handler: new(stateServer), ReadHeaderTimeout: time.Minute}
	defer func() { _ = server.Close() }()
	go func() { _ = server.Serve(listener) }()
	c.config += fmt.Sprintf("\nterraform {\n  backend \"http\" {\n    address = \"http://%s\"\n  }\n}\n", listener.Addr())
	return b.play(ctx, c, sites)
}

// stateServer is the server of the http backend.
type stateServer struct {
	mu    sync.Mutex
	state []byte
}

func (s *stateServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Method {
	case http.MethodGet:
		if s.state == nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write(s.state)
	case http.MethodPost:
		state, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.state = state
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}
