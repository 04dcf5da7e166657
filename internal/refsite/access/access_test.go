package access

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/limit"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

const siteID = "1"

var (
	here    = netip.MustParseAddr("192.0.2.1")
	longAgo = time.Unix(1_000_000_000, 0)
	wrong   = secret.New("wrong")
)

// guard guards one site.
func guard(t *testing.T, file string, now func() time.Time) *Guard {
	t.Helper()
	data, err := store.Open(file, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { data.Close() })
	err = data.Update(func(tx *store.Tx) error {
		_, err := tx.Create("a", siteID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return NewGuard(data, now, slog.New(slog.DiscardHandler))
}

func codeOf(err error) problem.Code {
	if err == nil {
		return ""
	}
	return problem.Of(err).Code
}

func TestLogin(t *testing.T) {
	now := longAgo
	g := guard(t, filepath.Join(t.TempDir(), "data"), func() time.Time { return now })
	password, err := g.SetLogin(t.Context(), siteID, "admin")
	if err != nil {
		t.Fatal(err)
	}
	session, err := g.Login(t.Context(), siteID, here, "admin", password)
	if err != nil {
		t.Fatal(err)
	}
	if name, err := g.Name(siteID, session.Token); err != nil || name != "admin" {
		t.Errorf("%q %v", name, err)
	}
	for name, credentials := range map[string]struct {
		username string
		password secret.Text
	}{
		"wrong password": {"admin", wrong}, "unknown": {"nobody", password}, "other case": {"Admin", password},
	} {
		if _, err := g.Login(t.Context(), siteID, here, credentials.username, credentials.password); codeOf(err) != problem.Unauthorized {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := g.Login(t.Context(), "2", here, "admin", password); codeOf(err) != problem.Internal {
		t.Errorf("unknown site: got %v", err)
	}
	now = session.ExpiresAt
	if _, err := g.Name(siteID, session.Token); codeOf(err) != problem.Unauthorized {
		t.Errorf("expired: got %v", err)
	}
}

func TestImpossibleCredentials(t *testing.T) {
	g := guard(t, filepath.Join(t.TempDir(), "data"), time.Now)
	for name, credentials := range map[string]struct {
		username string
		password secret.Text
	}{
		"no username": {"", wrong}, "long username": {strings.Repeat("ä", maxUsername+1), wrong},
		"no password": {"admin", secret.Text{}}, "long password": {"admin", secret.New(strings.Repeat("ä", maxPassword+1))},
	} {
		if _, err := g.Login(t.Context(), siteID, here, credentials.username, credentials.password); codeOf(err) != problem.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if g.guessers.Len()+g.usernames.Len()+g.addresses.Len() != 0 {
		t.Error("refused usernames and passwords are counted")
	}
	longest := strings.Repeat("ä", maxUsername)
	if _, err := g.Login(t.Context(), siteID, here, longest, secret.New(strings.Repeat("ä", maxPassword))); codeOf(err) != problem.Unauthorized {
		t.Errorf("longest username and password: got %v", err)
	}
}

func TestR43HashIsArgon2id(t *testing.T) {
	h := newHasher()
	l, err := h.hash(t.Context(), secret.New("password"))
	if err != nil {
		t.Fatal(err)
	}
	if l.MemoryKiB < 19456 || l.Time < 2 || l.Threads != 1 || len(l.Salt) != 16 || len(l.Hash) != 32 {
		t.Errorf("got %+v", l)
	}
	again, err := h.hash(t.Context(), secret.New("password"))
	if err != nil || bytes.Equal(again.Hash, l.Hash) {
		t.Error("two logins with the same password have the same hash")
	}
	for range cap(h.slots) {
		h.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.matches(ctx, l, secret.New("password")); !errors.Is(err, context.Canceled) {
		t.Errorf("the login did not wait for its turn: %v", err)
	}
}

func TestR42AttemptsCountBeforeTheyAreHashed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "data")
	synctest.Test(t, func(t *testing.T) {
		g := guard(t, file, time.Now)
		for range cap(g.hasher.slots) {
			g.hasher.slots <- struct{}{}
		}
		ctx, leave := context.WithCancel(t.Context())
		for range maxPerGuesser {
			go func() {
				if _, err := g.Login(ctx, siteID, here, "admin", wrong); !errors.Is(err, context.Canceled) {
					t.Errorf("the login did not wait for its turn: %v", err)
				}
			}()
		}
		synctest.Wait()
		if _, err := g.Login(ctx, siteID, here, "admin", wrong); codeOf(err) != problem.RateLimited {
			t.Errorf("got %v", err)
		}
		leave()
		synctest.Wait()
	})
}

// Attempts that are refused before hashing show that they are counted.
func TestR42Counting(t *testing.T) {
	now := longAgo
	t.Run("PerUsernameAndAddress", func(t *testing.T) {
		g := guard(t, filepath.Join(t.TempDir(), "data"), func() time.Time { return now })
		for i := range maxPerGuesser {
			if _, err := g.count(siteID, here, "admin"); err != nil {
				t.Fatal(i, err)
			}
		}
		_, err := g.count(siteID, here, "admin")
		if codeOf(err) != problem.RateLimited || problem.Of(err).RetryAfter != limit.Window {
			t.Errorf("got %v", err)
		}
		if _, err := g.count(siteID, netip.MustParseAddr("198.51.100.1"), "admin"); err != nil {
			t.Errorf("another username at this address is locked out: %v", err)
		}
		if _, err := g.count("2", here, "admin"); err != nil {
			t.Errorf("the other site is locked out too: %v", err)
		}
	})
	t.Run("PerUsername", func(t *testing.T) {
		g := guard(t, filepath.Join(t.TempDir(), "data"), func() time.Time { return now })
		for i := range maxPerUsername {
			if _, err := g.count(siteID, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), "admin"); err != nil {
				t.Fatal(i, err)
			}
		}
		for range maxPerAddress + 1 {
			_, err := g.count(siteID, netip.MustParseAddr("192.0.2.1"), "admin")
			if codeOf(err) != problem.RateLimited || problem.Of(err).RetryAfter != limit.Window {
				t.Fatalf("an address that failed before: got %v", err)
			}
		}
		if _, err := g.count(siteID, netip.MustParseAddr("192.0.2.1"), "another"); err != nil {
			t.Errorf("a refused attempt counted against the address: %v", err)
		}
		owner := netip.MustParseAddr("198.51.100.1")
		for range 3 {
			forget, err := g.count(siteID, owner, "admin")
			if err != nil {
				t.Fatalf("an address that never failed is locked out: %v", err)
			}
			forget()
		}
		if _, err := g.count(siteID, owner, "admin"); err != nil {
			t.Fatal(err)
		}
		if _, err := g.count(siteID, owner, "admin"); codeOf(err) != problem.RateLimited {
			t.Errorf("a second guess from that address: got %v", err)
		}
		if _, err := g.count("2", here, "admin"); err != nil {
			t.Errorf("the other site is locked out too: %v", err)
		}
	})
	t.Run("PerAddress", func(t *testing.T) {
		g := guard(t, filepath.Join(t.TempDir(), "data"), func() time.Time { return now })
		for i := range maxPerAddress {
			if _, err := g.count(siteID, netip.MustParseAddr("2001:db8::1"), fmt.Sprint(i)); err != nil {
				t.Fatal(i, err)
			}
		}
		if _, err := g.count(siteID, netip.MustParseAddr("2001:db8::ffff:2"), "another"); codeOf(err) != problem.RateLimited {
			t.Errorf("same /64: got %v", err)
		}
		if _, err := g.count(siteID, netip.MustParseAddr("2001:db8:0:1::1"), "another"); err != nil {
			t.Errorf("another /64: got %v", err)
		}
	})
	t.Run("AcceptedLoginsDoNotCount", func(t *testing.T) {
		g := guard(t, filepath.Join(t.TempDir(), "data"), func() time.Time { return now })
		for range 3 * maxPerAddress {
			forget, err := g.count(siteID, here, "admin")
			if err != nil {
				t.Fatal(err)
			}
			forget()
		}
		if g.guessers.Len()+g.usernames.Len()+g.addresses.Len() != 0 {
			t.Error("an accepted login was counted")
		}
	})
	t.Run("WindowsExpire", func(t *testing.T) {
		now := longAgo
		g := guard(t, filepath.Join(t.TempDir(), "data"), func() time.Time { return now })
		for range maxPerGuesser {
			_, _ = g.count(siteID, here, "admin")
		}
		now = now.Add(limit.Window)
		if _, err := g.count(siteID, here, "admin"); err != nil {
			t.Error(err)
		}
		now = now.Add(limit.Window)
		_, _ = g.count(siteID, here, "another")
		if g.guessers.Len() != 1 || g.usernames.Len() != 1 {
			t.Errorf("kept %d and %d counts, want 1 and 1", g.guessers.Len(), g.usernames.Len())
		}
	})
	t.Run("Networks", func(t *testing.T) {
		for ip, want := range map[netip.Addr]string{{}: "invalid IP", netip.MustParseAddr("::ffff:192.0.2.1"): "192.0.2.1", netip.MustParseAddr("fe80::1%eth0"): "fe80::/64"} {
			if got := limit.Network(ip); got != want {
				t.Errorf("%s: %s", ip, got)
			}
		}
	})
}

func TestSetToken(t *testing.T) {
	now := longAgo
	g := guard(t, filepath.Join(t.TempDir(), "data"), func() time.Time { return now })
	first, err := g.SetToken(siteID, "terraform")
	if err != nil {
		t.Fatal(err)
	}
	other, err := g.SetToken(siteID, "page")
	if err != nil {
		t.Fatal(err)
	}
	second, err := g.SetToken(siteID, "terraform")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Name(siteID, first); codeOf(err) != problem.Unauthorized {
		t.Errorf("the old token: got %v", err)
	}
	for token, want := range map[secret.Text]string{second: "terraform", other: "page"} {
		if name, err := g.Name(siteID, token); err != nil || name != want {
			t.Errorf("%q %v", name, err)
		}
	}
	if _, err := g.SetToken("2", "terraform"); err == nil {
		t.Error("set a token for an unknown site")
	}
}
