package smtptest

// TB is the part of [testing.TB] that this package needs. It keeps package testing out of the demo.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Start starts a server. It is closed with the test.
func Start(t TB, c Config) *Server {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatalf("start SMTP server: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Fatalf("close SMTP server: %v", err)
		}
	})
	return s
}

// StartScript starts a scripted server. It is closed with the test.
func StartScript(t TB, play func(*Peer)) *Script {
	t.Helper()
	s, err := NewScript(play)
	if err != nil {
		t.Fatalf("start script: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}
