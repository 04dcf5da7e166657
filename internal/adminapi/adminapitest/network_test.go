package adminapitest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
)

const address = "127.0.0.1:25"

// connect makes a connection in memory.
func connect(ctx context.Context, network *adminapitest.Network) (near, far net.Conn, err error) {
	listener := network.Listen(address)
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, _ := listener.Accept()
		accepted <- conn
	}()
	near, err = network.DialContext(ctx, "tcp", address)
	return near, <-accepted, err
}

// TestConn: a connection is what package net says that one is.
func TestConn(t *testing.T) {
	nettest.TestConn(t, func() (near, far net.Conn, stop func(), err error) {
		near, far, err = connect(t.Context(), &adminapitest.Network{})
		return near, far, func() { _, _ = near.Close(), far.Close() }, err
	})
}

func TestConnIsLikeOneOfTCP(t *testing.T) {
	near, far, err := connect(t.Context(), &adminapitest.Network{})
	if err != nil {
		t.Fatal(err)
	}
	if near.RemoteAddr().String() != address || far.LocalAddr().(*net.TCPAddr).Port != 25 || near.LocalAddr().String() != far.RemoteAddr().String() {
		t.Errorf("got %s to %s at one end, %s to %s at the other", near.LocalAddr(), near.RemoteAddr(), far.LocalAddr(), far.RemoteAddr())
	}
	// Nobody reads yet, and the writer is gone by then.
	if _, err := io.WriteString(far, "hello"); err != nil {
		t.Fatal(err)
	}
	_ = far.Close()
	if text, err := io.ReadAll(near); string(text) != "hello" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	if _, err := near.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("writing returned %v", err)
	}
}

func TestReset(t *testing.T) {
	near, far, err := connect(t.Context(), &adminapitest.Network{})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(far, "lost")
	far.(*adminapitest.Conn).Reset()
	if _, err := near.Read(make([]byte, 4)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reading returned %v", err)
	}
	if _, err := near.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("writing returned %v", err)
	}
}
