package adminapitest

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"path"
	"sync"
)

// Address is where a scripted site listens, URL how it is called.
const (
	Address = "127.0.0.1:8080"
	URL     = "http://" + Address
)

// T is what a script needs of a [testing.T].
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Cleanup(f func())
}

// Step is one thing that a script expects, and what happens then.
type Step struct {
	// Dial fails the next connection; the other fields are for a request.
	Dial error
	// Call is the method and the path that are expected, such as "GET /admin/api/v1/smtp"; a pattern of [path.Match].
	Call string
	// Check looks at the request and its body; may be nil.
	Check func(t T, r *http.Request, body string)
	// Answer is what the site does then.
	Answer http.HandlerFunc
}

// Site follows a script: it fails the test on a call that comes in another place, comes too much or does not come.
type Site struct {
	Network
	t T

	mu    sync.Mutex
	steps []Step
}

// Play starts a site at [Address] of a network of its own, until the test ends.
func Play(t T, steps ...Step) *Site {
	t.Helper()
	s := &Site{t: t, steps: steps}
	server := &http.Server{Handler: s}
	// One connection for each request, so that a step that fails a connection comes when its time is there.
	server.SetKeepAlivesEnabled(false)
	l := s.Listen(Address)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, step := range s.steps {
			t.Errorf("did not come: %s", step.name())
		}
	})
	return s
}

// DialContext connects to the site, unless the script says otherwise.
func (s *Site) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if step, ok := s.next(func(step Step) bool { return step.Dial != nil }); ok {
		return nil, step.Dial
	}
	return s.Network.DialContext(ctx, network, address)
}

// ServeHTTP implements [http.Handler].
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := r.Method + " " + r.URL.Path
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Errorf("%s: read the body: %v", call, err)
	}
	step, ok := s.next(func(step Step) bool { return step.Dial == nil })
	switch {
	case !ok:
		s.t.Errorf("too much: %s", call)
		w.WriteHeader(http.StatusTeapot)
		return
	case !matches(step.Call, call):
		s.t.Errorf("expected %s, came %s", step.Call, call)
	}
	if step.Check != nil {
		step.Check(s.t, r, string(body))
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	step.Answer(w, r)
}

func (s *Site) next(fits func(Step) bool) (Step, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.steps) == 0 || !fits(s.steps[0]) {
		return Step{}, false
	}
	step := s.steps[0]
	s.steps = s.steps[1:]
	return step, true
}

func matches(pattern, call string) bool {
	ok, err := path.Match(pattern, call)
	return ok && err == nil
}

func (s Step) name() string {
	if s.Dial != nil {
		return "a connection"
	}
	return s.Call
}
