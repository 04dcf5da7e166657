package cases_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Package net reads the DNS configuration at the first lookup, and would keep objects of that test's bubble.
	resolver := net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no proxy is configured")
	}}
	_, _ = resolver.LookupHost(context.Background(), "localhost")
	goleak.VerifyTestMain(m)
}
