package seal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

func parse(t *testing.T, text string) Keys {
	t.Helper()
	k, err := Parse(secret.New(text))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// key is the text of a key of 32 equal bytes.
func key(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, keySize)) }

func TestSeal(t *testing.T) {
	keys := Generate()
	password := secret.New("correct horse")
	sealed := keys.Seal(password, "site", "id")
	opened, err := keys.Open(sealed, "site", "id")
	if err != nil || !opened.Equal(password) {
		t.Fatal(err)
	}
	if bytes.Contains(sealed.Data, []byte("horse")) {
		t.Error("the sealed value holds the plain text")
	}
	if again := keys.Seal(password, "site", "id"); bytes.Equal(again.Data, sealed.Data) {
		t.Error("the same text sealed twice gives the same value")
	}
	refused := func(name string, k Keys, s Sealed, place ...string) {
		t.Helper()
		if _, err := k.Open(s, place...); !errors.Is(err, ErrOpen) {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused("another site", keys, sealed, "other", "id")
	refused("another id", keys, sealed, "site", "other")
	refused("shifted", keys, sealed, "sitei", "d")
	refused("no place", keys, sealed)
	refused("another key", Generate(), sealed, "site", "id")
	refused("another version", keys, Sealed{Key: 2, Data: sealed.Data}, "site", "id")
	for i := range sealed.Data {
		changed := Sealed{Key: 1, Data: bytes.Clone(sealed.Data)}
		changed.Data[i] ^= 1
		refused(fmt.Sprint("byte ", i), keys, changed, "site", "id")
		refused(fmt.Sprint("cut at ", i), keys, Sealed{Key: 1, Data: sealed.Data[:i]}, "site", "id")
	}
}

func TestMAC(t *testing.T) {
	keys := parse(t, "1:"+key(1)+"\n2:"+key(2))
	m := keys.MAC("a", "b")
	if m.Key != 2 || !keys.Matches(m, "a", "b") {
		t.Error(m)
	}
	for _, parts := range [][]string{{"ab"}, {"a", "b", ""}, {"", "a", "b"}, {"b", "a"}, {"a"}, {}} {
		if keys.Matches(m, parts...) {
			t.Errorf("matches the different parts %q", parts)
		}
	}
	if old := parse(t, "1:"+key(1)).MAC("a", "b"); !keys.Matches(old, "a", "b") {
		t.Error("a value of an older key version no longer matches")
	}
	if parse(t, "1:"+key(1)).Matches(m, "a", "b") || parse(t, "2:"+key(3)).Matches(m, "a", "b") {
		t.Error("matches without the right key")
	}
	if keys.Matches(MAC{}, "a", "b") || keys.Matches(MAC{Key: 2}, "a", "b") {
		t.Error("a zero MAC matches")
	}
}

func TestParse(t *testing.T) {
	if k := parse(t, " 3:"+key(3)+"\n\t1:"+key(1)+" "); k.Current() != 3 || !k.Has(1) || k.Has(2) {
		t.Errorf("got current version %d, want 3 beside 1", k.Current())
	}
	for _, bad := range []string{
		"", " ", key(1), "0:" + key(1), "-1:" + key(1), "x:" + key(1), "1:", "1:short", "1:" + key(1)[:40], "1:" + key(1) + " 1:" + key(2),
		"1:" + base64.StdEncoding.EncodeToString(make([]byte, 33)),
	} {
		_, err := Parse(secret.New(bad))
		if err == nil {
			t.Errorf("accepted the keys %q", bad)
		} else if strings.Contains(err.Error(), key(1)) {
			t.Errorf("the error shows the key: %v", err)
		}
	}
	if (Keys{}).Current() != 0 || (Keys{}).Has(0) {
		t.Error("the zero Keys hold a key")
	}
	if text := fmt.Sprintf("%v %+v %#v", Generate(), Generate(), struct{ K Keys }{Generate()}); strings.Contains(text, "mac") {
		t.Errorf("a printed key shows its secret: %s", text)
	}
}

func TestR48KeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if _, err := Load(path); !os.IsNotExist(err) && err == nil {
		t.Error("accepted a missing file")
	}
	for want := 1; want <= 3; want++ {
		if version, err := Rotate(path); err != nil || version != want {
			t.Fatal(version, err)
		}
	}
	k, err := Load(path)
	if err != nil || k.Current() != 3 || !k.Has(1) {
		t.Fatal(k.Current(), err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o666, 0o610} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "users other than its owner") {
			t.Errorf("mode %o: %v", mode, err)
		}
		if _, err := Rotate(path); err == nil {
			t.Errorf("mode %o: rotated the key", mode)
		}
	}
}
