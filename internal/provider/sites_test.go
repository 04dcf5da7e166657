package provider

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// counting is a site that counts its reads.
type counting struct {
	site.Site
	reads atomic.Int32
	takes time.Duration
	err   error
}

func (c *counting) Read(ctx context.Context) (site.State, error) {
	c.reads.Add(1)
	select {
	case <-time.After(c.takes):
	case <-ctx.Done():
		return site.State{}, ctx.Err()
	}
	return site.State{Revision: fmt.Sprint(c.reads.Load())}, c.err
}

// registryOf returns n sites that may be read ahead.
func registryOf(n int) (*sites, []*counting) {
	registry := &sites{entries: map[string]*entry{}}
	all := make([]*counting, n)
	for i := range all {
		all[i] = &counting{takes: time.Second}
		key := fmt.Sprintf("%03d", i)
		registry.entries[key] = &entry{key: key, site: all[i], readAhead: true}
	}
	return registry, all
}

// begun reads the first sites, so that the others are read ahead.
func begun(t *testing.T, registry *sites) {
	t.Helper()
	for i := range readAheadAfter {
		if _, err := registry.refresh(t.Context(), registry.entries[fmt.Sprintf("%03d", i)]); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadAhead(t *testing.T) {
	t.Run("ReadsSitesInParallel", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			registry, all := registryOf(readAheadAfter + readAheadWidth)
			begun(t, registry)
			began := time.Now()
			for i := range readAheadWidth {
				if _, err := registry.refresh(t.Context(), registry.entries[fmt.Sprintf("%03d", readAheadAfter+i)]); err != nil {
					t.Error(err)
				}
			}
			for i, c := range all {
				if c.reads.Load() != 1 {
					t.Errorf("site %d was read %d times, want once", i, c.reads.Load())
				}
			}
			if spent := time.Since(began); spent > time.Second {
				t.Errorf("the reads took %v", spent)
			}
		})
	})
	t.Run("UsesEachResultOnce", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			registry, _ := registryOf(readAheadAfter + 1)
			begun(t, registry)
			synctest.Wait()
			last := registry.entries["010"]
			for _, want := range []string{"1", "2"} {
				if got, err := registry.refresh(t.Context(), last); err != nil || got.Revision != want {
					t.Errorf("got revision %q, %v; want %q", got.Revision, err, want)
				}
			}
		})
	})
	t.Run("DiscardsTheResultAfterAWrite", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			registry, _ := registryOf(readAheadAfter + 1)
			begun(t, registry)
			synctest.Wait()
			last := registry.entries["010"]
			(&smtpSettingsResource{sites: registry}).attempt(last, site.Change{})
			if got, err := registry.refresh(t.Context(), last); err != nil || got.Revision != "2" {
				t.Errorf("got revision %q, %v; want the one read after the write", got.Revision, err)
			}
		})
	})
	t.Run("SkipsASiteInUse", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			registry, all := registryOf(1)
			e := registry.entries["000"]
			e.take()
			e.prefetch(t.Context())
			if n := all[0].reads.Load(); n != 0 {
				t.Errorf("got %d reads ahead of a site in use, want 0", n)
			}
		})
	})
	t.Run("ReturnsAFailedRead", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			registry, all := registryOf(readAheadAfter + 1)
			all[readAheadAfter].err = &site.Error{Kind: site.Unreachable, Message: "gone"}
			begun(t, registry)
			_, err := registry.refresh(t.Context(), registry.entries["010"])
			if site.KindOf(err) != site.Unreachable || all[readAheadAfter].reads.Load() != 1 {
				t.Errorf("got %v after %d reads, want one failed read: an unreachable site must not be waited for twice", err, all[readAheadAfter].reads.Load())
			}
		})
	})
	t.Run("TimeoutDoesNotCountAgainstTheCaller", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			registry, all := registryOf(readAheadAfter + 1)
			all[readAheadAfter].takes = 2 * defaultReadTimeout
			begun(t, registry)
			got, err := registry.refresh(t.Context(), registry.entries["010"])
			if err != nil || got.Revision != "2" {
				t.Errorf("got revision %q, %v; want the one read within the caller's own timeout", got.Revision, err)
			}
		})
	})
	t.Run("WaitEndsWithTheContext", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			registry, all := registryOf(readAheadAfter + 1)
			all[readAheadAfter].takes = time.Minute
			begun(t, registry)
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			if _, err := registry.refresh(ctx, registry.entries["010"]); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got error %v", err)
			}
			time.Sleep(time.Minute) // lets the read end
		})
	})
}
