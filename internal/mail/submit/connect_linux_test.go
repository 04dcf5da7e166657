package submit_test

import (
	"context"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// full returns the port of a listener on 127.0.0.1 whose queue is full, so that the system leaves further connections
// without an answer.
func full(t *testing.T) int {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	port := name.(*syscall.SockaddrInet4).Port
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return port
}

func TestConnectTimesOut(t *testing.T) {
	sender := &submit.Sender{Timeout: 200 * time.Millisecond}
	r := sender.Send(t.Context(), candidate("127.0.0.1", full(t), site.STARTTLS), recipient)
	if r.Stage != site.StageConnect || !strings.HasPrefix(r.Error, "dial tcp 127.0.0.1:") || !strings.Contains(r.Error, ": i/o timeout after ") {
		t.Errorf("got %+v", r)
	}
}

func TestConnectIsCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	// Called right before the system connects.
	sender := &submit.Sender{Control: func(string, string, syscall.RawConn) error { cancel(); return nil }}
	r := sender.Send(ctx, candidate("127.0.0.1", full(t), site.STARTTLS), recipient)
	if r.Stage != site.StageConnect || !strings.Contains(r.Error, "operation was canceled after ") {
		t.Errorf("got %+v", r)
	}
}
