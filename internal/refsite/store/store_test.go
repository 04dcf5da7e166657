package store

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var quiet = slog.New(slog.DiscardHandler)

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "data"), quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func update(t *testing.T, s *Store, fn func(*Tx) error) {
	t.Helper()
	if err := s.Update(fn); err != nil {
		t.Fatal(err)
	}
}

// inSite changes the site with the ID "1", which it creates first.
func inSite(t *testing.T, fn func(*Site) error) {
	t.Helper()
	update(t, open(t), func(tx *Tx) error {
		s, err := tx.Create("a", "1")
		if err != nil {
			return err
		}
		return fn(s)
	})
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	s, err := Open(path, quiet)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	update(t, s, func(tx *Tx) error { return put(tx.tx.Bucket(bucketMeta), keyFormat, format+1) })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, quiet); err == nil {
		t.Error("opened a file of a newer format")
	}
	if err := os.WriteFile(path, []byte("no database, but long enough to look like one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, quiet); err == nil {
		t.Error("opened a file that is not a data file")
	}
	if _, err := Open(filepath.Join(path, "below"), quiet); err == nil {
		t.Error("opened an impossible path")
	}
}

func TestUpdate(t *testing.T) {
	s := open(t)
	failed := errors.New("failed")
	err := s.Update(func(tx *Tx) error {
		if _, err := tx.Create("a", "1"); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	err = s.View(func(tx *Tx) error {
		_, err := tx.Site("1")
		return err
	})
	if err == nil {
		t.Error("part of a failed change was stored")
	}
	err = s.View(func(tx *Tx) error {
		_, err := tx.Create("a", "1")
		return err
	})
	if _, ok := errors.AsType[*WriteError](err); !ok {
		t.Errorf("writing while reading: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, call := range []func(func(*Tx) error) error{s.View, s.Update} {
		if err := call(func(*Tx) error { return nil }); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: got %v", err)
		}
	}
}

func TestSites(t *testing.T) {
	s := open(t)
	update(t, s, func(tx *Tx) error {
		for i := range 3 {
			if _, err := tx.Create(fmt.Sprint("site-", i), fmt.Sprint(i)); err != nil {
				return err
			}
		}
		if _, err := tx.Create("site-1", "9"); !errors.Is(err, ErrExists) {
			t.Errorf("creating twice: got %v", err)
		}
		return nil
	})
	rec := Record{Settings: site.Settings{Host: "h"}, Enabled: true, Revision: 3, UpdatedAt: time.Unix(1, 0).UTC(), UpdatedBy: "me"}
	update(t, s, func(tx *Tx) error {
		one, err := tx.Site("1")
		if err != nil {
			return err
		}
		return one.PutRecord(rec)
	})
	err := s.View(func(tx *Tx) error {
		if got := maps.Collect(tx.Names()); !maps.Equal(got, map[string]string{"site-0": "0", "site-1": "1", "site-2": "2"}) {
			t.Errorf("got %v", got)
		}
		for name := range tx.Names() {
			if name != "site-0" {
				t.Error("the iteration does not stop at break")
			}
			break
		}
		for id, want := range map[string]Record{"0": {}, "1": rec} {
			one, err := tx.Site(id)
			if err != nil {
				return err
			}
			if got, err := one.Record(); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v %v", id, got, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDamage(t *testing.T) {
	inSite(t, func(s *Site) error {
		if err := s.AddTest(Test{Key: "k"}); err != nil {
			return err
		}
		for _, damage := range []error{
			s.b.Put(keyRecord, []byte("{")), s.b.Bucket(bucketTests).Put([]byte("k"), []byte("{")), s.b.Bucket(bucketTokens).Put([]byte("t"), []byte("{")),
		} {
			if damage != nil {
				return damage
			}
		}
		_, record := s.Record()
		_, test := s.Test("k")
		for what, err := range map[string]error{
			"record": record, "test": test, "tests": s.DropTests(func(Test) bool { return true }), "tokens": s.DropTokens(func(Token) bool { return true }),
		} {
			if err == nil || errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v", what, err)
			}
		}
		for _, err := range s.NewestTests() {
			if err == nil {
				t.Error("newest tests: got no error")
			}
		}
		return nil
	})
}

func TestTests(t *testing.T) {
	inSite(t, func(s *Site) error {
		if _, err := s.Test("0"); !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v", err)
		}
		for i := range 300 { // more than one byte counts
			if err := s.AddTest(Test{Key: fmt.Sprint(i), StartedAt: time.Unix(int64(i), 0)}); err != nil {
				return err
			}
		}
		result := Test{Key: "7", StartedAt: time.Unix(7, 0).UTC(), Result: &site.TestResult{Status: site.Passed, Stages: []site.StageTime{{Stage: site.StageDNS, Duration: 3}}}}
		if err := s.PutTest(result); err != nil {
			return err
		}
		if got, err := s.Test("7"); err != nil || !reflect.DeepEqual(got, result) {
			t.Errorf("got %+v %v", got, err)
		}
		keys := func() (all []string) {
			for one, err := range s.NewestTests() {
				if err != nil {
					t.Error(err)
				}
				all = append(all, one.Key)
			}
			return all
		}
		if got := keys(); len(got) != 300 || got[0] != "299" || got[299] != "0" {
			t.Errorf("got %v", got)
		}
		if err := s.DropTests(func(t Test) bool { return t.StartedAt.Before(time.Unix(280, 0)) }); err != nil {
			return err
		}
		if got := keys(); len(got) != 20 || got[19] != "280" {
			t.Errorf("got %v", got)
		}
		if _, err := s.Test("279"); !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v", err)
		}
		return nil
	})
}

func TestTokens(t *testing.T) {
	now := time.Unix(1000, 0).UTC()
	inSite(t, func(s *Site) error {
		for i := range 50 {
			if err := s.PutToken([]byte{byte(i)}, Token{Name: fmt.Sprint(i), Session: true, ExpiresAt: now.Add(time.Duration(i-25) * time.Second)}); err != nil {
				return err
			}
		}
		if err := s.PutToken([]byte("api"), Token{Name: "api"}); err != nil {
			return err
		}
		if err := s.DropTokens(func(t Token) bool { return t.Expired(now) }); err != nil {
			return err
		}
		for i := range 50 {
			if _, err := s.Token([]byte{byte(i)}); errors.Is(err, ErrNotFound) != (i <= 25) {
				t.Errorf("%d: %v", i, err)
			}
		}
		if got, err := s.Token([]byte("api")); err != nil || got.Name != "api" {
			t.Errorf("got %+v %v", got, err)
		}
		return nil
	})
}

func TestLogins(t *testing.T) {
	inSite(t, func(s *Site) error {
		want := Login{Salt: []byte{1}, Hash: []byte{2}, Time: 3, MemoryKiB: 4, Threads: 5}
		if err := s.PutLogin("admin", want); err != nil {
			return err
		}
		if got, err := s.Login("admin"); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v %v", got, err)
		}
		if _, err := s.Login("Admin"); !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v", err)
		}
		return nil
	})
}
