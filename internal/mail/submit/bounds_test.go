package submit

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var piped = site.Candidate{
	Settings: site.Settings{
		Encryption:  site.NoEncryption,
		Username:    "app@example.com",
		FromAddress: "app@example.com",
		HELOName:    "client.example.com",
	},
	Password: secret.New("hunter2"),
}

const loopback = "127.0.0.1:25"

// from is a connection that claims to come from an address.
type from struct {
	net.Conn
	remote string
}

func (f from) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.remote))
}

// pipe returns an attempt on a pipe, whose clock is that of the bubble, and the other end with its lines.
func pipe(t *testing.T, remote string) (*attempt, net.Conn, *bufio.Reader) {
	t.Helper()
	ours, theirs := net.Pipe()
	a := new(Sender).attempt(piped)
	a.started = time.Now()
	a.conn = guard(from{ours, remote})
	a.dialogue = newDialogue(a.conn)
	t.Cleanup(func() { _, _ = ours.Close(), theirs.Close() })
	return a, theirs, bufio.NewReader(theirs)
}

// talk does everything of a test that comes behind the connection.
func talk(ctx context.Context, a *attempt) {
	for _, step := range []func() error{
		func() error { return a.greet(ctx, piped.Settings) },
		func() error { return a.hello(ctx, piped.Settings) },
		func() error { return a.login(ctx, piped) },
		func() error { return a.deliver(ctx, piped.Settings, "ops@example.com") },
	} {
		if step() != nil {
			break
		}
	}
}

// answersOfServer are those of a good server, the first without a question.
var answersOfServer = []string{"220 ready", "250-mail\r\n250 AUTH PLAIN", "235 in", "250 ok", "250 ok", "354 go"}

// serve gives the first n answers and then reads without a word, unless it is deaf.
func serve(conn net.Conn, lines *bufio.Reader, n int, deaf bool) {
	for i, answer := range answersOfServer[:n] {
		if i > 0 {
			if _, err := lines.ReadString('\n'); err != nil {
				return
			}
		}
		if _, err := io.WriteString(conn, answer+"\r\n"); err != nil {
			return
		}
	}
	if !deaf {
		_, _ = io.Copy(io.Discard, lines)
	}
}

// TestR36StageBudget: a server that falls silent has as long as its stage has, whatever go-smtp allows.
func TestR36StageBudget(t *testing.T) {
	for n, c := range []struct {
		stage  site.Stage
		budget time.Duration
		status site.Status
	}{
		{site.StageBanner, 15 * time.Second, site.Failed},
		{site.StageEHLO, 10 * time.Second, site.Failed},
		{site.StageAuth, 10 * time.Second, site.Failed},
		{site.StageMail, 10 * time.Second, site.Failed},
		{site.StageRcpt, 10 * time.Second, site.Failed},
		{site.StageData, 30 * time.Second, site.Failed},
		{site.StageData, 30 * time.Second, site.InDoubt},
	} {
		t.Run(string(c.stage)+" "+string(c.status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, conn, lines := pipe(t, loopback)
				go serve(conn, lines, n, false)
				start := time.Now()
				talk(t.Context(), a)
				if took := time.Since(start); took != c.budget {
					t.Errorf("took %s, want %s", took, c.budget)
				}
				r := a.report.Result
				if r.Status != c.status || r.Stage != c.stage {
					t.Errorf("got %+v", r)
				}
				if want := "context deadline exceeded after " + c.budget.String() + " in stage " + string(c.stage) + ", " + c.budget.String() + " in all"; r.Error != want {
					t.Errorf("got error %q, want %q", r.Error, want)
				}
			})
		})
	}
}

// TestStalledBody: go-smtp sets no deadline while it writes a body. A body that was not written is no doubt.
func TestStalledBody(t *testing.T) {
	t.Run("Deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, conn, lines := pipe(t, loopback)
			go serve(conn, lines, len(answersOfServer), true)
			start := time.Now()
			talk(t.Context(), a)
			if took := time.Since(start); took != 30*time.Second {
				t.Errorf("the test took %s", took)
			}
			if r := a.report.Result; r.Status != site.Failed || r.Stage != site.StageData || !strings.Contains(r.Error, "context deadline exceeded after 30s in stage data") {
				t.Errorf("got %+v", r)
			}
		})
	})
	t.Run("Cancel", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, conn, lines := pipe(t, loopback)
			go serve(conn, lines, len(answersOfServer), true)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(7*time.Second, cancel)
			talk(ctx, a)
			if r := a.report.Result; r.Status != site.Failed || r.Error != "context canceled after 7s in stage data, 7s in all" {
				t.Errorf("got %+v", r)
			}
		})
	})
}

// TestRefusedLoginThenSilence: a refusal is known at once, and the server is given a second to answer QUIT.
func TestRefusedLoginThenSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, conn, lines := pipe(t, loopback)
		go func() {
			serve(conn, lines, 2, true)
			_, _ = lines.ReadString('\n')
			_, _ = io.WriteString(conn, "535 5.7.8 wrong\r\n")
			_, _ = io.Copy(io.Discard, lines)
		}()
		start := time.Now()
		talk(t.Context(), a)
		if took := time.Since(start); took != 0 {
			t.Errorf("the test took %s", took)
		}
		if r := a.report.Result; r.Reply == nil || r.Reply.String() != "535 5.7.8 wrong" || r.Error != "" {
			t.Errorf("got %+v", r)
		}
		a.leave(t.Context())
		if took := time.Since(start); took != time.Second {
			t.Errorf("the test took %s including QUIT, want 1s", took)
		}
	})
}

// TestR36Drip: bytes that keep coming do not extend the time.
func TestR36Drip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, conn, _ := pipe(t, loopback)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for _, b := range []byte("220-" + strings.Repeat("x", 100)) {
				if _, err := conn.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		start := time.Now()
		talk(t.Context(), a)
		if took := time.Since(start); took != 15*time.Second {
			t.Errorf("the test took %s", took)
		}
		if r := a.report.Result; r.Stage != site.StageBanner || !strings.HasPrefix(r.Error, "context deadline exceeded after 15s") {
			t.Errorf("got %+v", r)
		}
		a.leave(t.Context())
		<-done
	})
}

// TestGuardKeepsItsDeadline: no deadline that a user of the connection sets, or clears, outlives the context.
func TestGuardKeepsItsDeadline(t *testing.T) {
	for name, set := range map[string]func(*guarded) error{
		"Cleared":     func(g *guarded) error { return g.SetDeadline(time.Time{}) },
		"Later":       func(g *guarded) error { return g.SetDeadline(time.Now().Add(time.Hour)) },
		"ReadLater":   func(g *guarded) error { return g.SetReadDeadline(time.Now().Add(time.Hour)) },
		"ReadCleared": func(g *guarded) error { return g.SetReadDeadline(time.Time{}) },
		"WriteLater":  func(g *guarded) error { return g.SetWriteDeadline(time.Now().Add(time.Hour)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, _, _ := pipe(t, loopback)
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				defer a.conn.within(ctx)()
				if err := set(a.conn); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				if _, err := a.conn.Read(make([]byte, 1)); err == nil || time.Since(start) != 3*time.Second {
					t.Errorf("got %v after %s", err, time.Since(start))
				}
				if err := set(a.conn); err != nil {
					t.Fatal(err)
				}
				if _, err := a.conn.Write([]byte("x")); err == nil || time.Since(start) != 3*time.Second {
					t.Errorf("the write returned %v after %s", err, time.Since(start))
				}
			})
		})
	}
	t.Run("Earlier", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, _, _ := pipe(t, loopback)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			defer a.conn.within(ctx)()
			start := time.Now()
			if err := a.conn.SetReadDeadline(start.Add(time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := a.conn.Read(make([]byte, 1)); err == nil || time.Since(start) != time.Second {
				t.Errorf("got %v after %s", err, time.Since(start))
			}
		})
	})
}

func TestR36ReadLimits(t *testing.T) {
	l := limited{strings.NewReader(strings.Repeat("x", 100)), 64}
	got, err := io.ReadAll(&l)
	if len(got) != 64 || !errors.Is(err, errFlood) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

func TestPasswordNeedsPrivacy(t *testing.T) {
	for name, c := range map[string]struct {
		remote  string
		refused bool
	}{
		"Loopback":        {"127.0.0.1:25", false},
		"OtherLoopback":   {"127.1.2.3:25", false},
		"Loopback6":       {"[::1]:25", false},
		"MappedLoopback":  {"[::ffff:127.0.0.1]:25", false},
		"Public":          {"203.0.113.7:25", true},
		"Private":         {"10.0.0.1:25", true},
		"MappedPublic":    {"[::ffff:203.0.113.7]:25", true},
		"LinkLocal":       {"[fe80::1%eth0]:25", true},
		"Unspecified":     {"0.0.0.0:25", true},
		"NAT64OfLoopback": {"[64:ff9b::7f00:1]:25", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, conn, lines := pipe(t, c.remote)
				heard := make(chan []byte, 1)
				answers := 3
				if c.refused {
					answers = 2
				}
				go func() {
					serve(conn, lines, answers, true)
					rest, _ := io.ReadAll(lines)
					heard <- rest
				}()
				talk(t.Context(), a)
				a.leave(t.Context())
				r := a.report.Result
				if !c.refused {
					if r.Stage != site.StageMail || !strings.HasPrefix(string(<-heard), "MAIL") {
						t.Errorf("got %+v", r)
					}
					return
				}
				if r.Stage != site.StageAuth || !strings.HasPrefix(r.Error, "refusing to send the password over an unencrypted connection to ") {
					t.Errorf("got %+v", r)
				}
				if rest := <-heard; len(rest) != 0 {
					t.Errorf("the client sent %q", rest)
				}
			})
		})
	}
}

func TestOwnName(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:50000":            "[192.0.2.1]",
		"[::ffff:192.0.2.1]:50000":   "[192.0.2.1]",
		"[2001:db8::1]:50000":        "[IPv6:2001:db8::1]",
		"[fe80::1%eth0]:50000":       "[IPv6:fe80::1]",
		"[::1]:50000":                "[IPv6:::1]",
		"127.0.0.1:50000":            "[127.0.0.1]",
		"[2001:db8:0:1:1:1:1:1]:500": "[IPv6:2001:db8:0:1:1:1:1:1]",
	} {
		for host, name := range map[string]string{
			"":                      want,
			"web1":                  want,
			"localhost":             want,
			"localhost.localdomain": want,
			"my_host.example.com":   want,
			"web1.example.com":      "web1.example.com",
		} {
			if got := ownName(host, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(remote))); got != name || CheckHELOName(got) != nil {
				t.Errorf("%q from %s: got %q, want %q", host, remote, got, name)
			}
		}
	}
}
