package leaktest

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"math/rand/v2"
	"mime"
	"mime/quotedprintable"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// canary contains what encoders change: quotes, non-ASCII characters, and characters that URLs and HTML escape.
const canary = "canary \"4711\"\tZü%&\x7f<+'/"

// writers are real ways in which programs write text, each with the form under which it must be found.
var writers = map[string]func(text string) string{
	"plain":          func(text string) string { return "password: " + text },
	"Go":             func(text string) string { return fmt.Sprintf("%q", struct{ Password string }{text}) },
	"numbers":        func(text string) string { return fmt.Sprintf("%d", []byte(text)) },
	"spaced hex":     func(text string) string { return fmt.Sprintf("% x", text) },
	"upper case hex": func(text string) string { return fmt.Sprintf("%X", text) },
	"Go in ASCII":    func(text string) string { return fmt.Sprintf("%+q", text) },
	"JSON": func(text string) string {
		out, _ := json.Marshal(map[string]any{"settings": []string{text}})
		return string(out)
	},
	"JSON without HTML": func(text string) string {
		var b strings.Builder
		slog.New(slog.NewJSONHandler(&b, nil)).Info("saved", "password", text)
		return b.String()
	},
	"JSON in JSON": func(text string) string {
		inside, _ := json.Marshal(map[string]string{"password": text})
		var b strings.Builder
		slog.New(slog.NewJSONHandler(&b, nil)).Info(string(inside))
		return b.String()
	},
	"URL query": func(text string) string { return url.Values{"password": {text}}.Encode() },
	"URL path":  func(text string) string { return "/a/" + url.PathEscape(text) + "/b" },
	"XML": func(text string) string {
		type settings struct{ Password string }
		out, _ := xml.Marshal(settings{text})
		return string(out)
	},
	"HTML": func(text string) string {
		var b strings.Builder
		_ = template.Must(template.New("").Parse("<p>{{.}}</p>")).Execute(&b, text)
		return strings.ReplaceAll(b.String(), "&#43;", "+") // which package html does not escape
	},
	"quoted-printable": func(text string) string {
		var b strings.Builder
		w := quotedprintable.NewWriter(&b)
		_, _ = io.WriteString(w, text)
		_ = w.Close()
		return b.String()
	},
	"Q encoding": func(text string) string { return "Subject: " + mime.QEncoding.Encode("utf-8", text) },
	"UTF-16LE": func(text string) string {
		var b bytes.Buffer
		for _, unit := range utf16.Encode([]rune(text)) {
			b.Write([]byte{byte(unit), byte(unit >> 8)})
		}
		return b.String()
	},
	"base64 behind 0": func(text string) string {
		r, _ := http.NewRequest(http.MethodGet, "http://site.example", http.NoBody)
		r.SetBasicAuth("abcde", text)
		return fmt.Sprint(r.Header)
	},
	"base64 behind 1": func(text string) string {
		return "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00us\x00"+text))
	},
	"base64 behind 2": func(text string) string {
		return "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00use\x00"+text))
	},
	"plain in gzip": func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, "log: "+text)
		_ = w.Close()
		return "before" + b.String()
	},
	"plain in tfstate": func(text string) string {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		f, _ := w.Create("tfstate")
		_, _ = io.WriteString(f, strings.Repeat("quiet ", 1000)+text)
		_ = w.Close()
		return b.String()
	},
}

func TestFindsWhatProgramsWrite(t *testing.T) {
	s := New(map[string]string{"password": canary, "token": "some other secret"})
	for form, write := range writers {
		text := write(canary)
		leaks := s.Find([]byte(text))
		if !slices.ContainsFunc(leaks, func(l Leak) bool { return l.Secret == "password" && l.Form == form }) {
			t.Errorf("%s: got the leaks %v in %q", form, leaks, text)
		}
		if slices.ContainsFunc(leaks, func(l Leak) bool { return l.Secret != "password" }) {
			t.Errorf("%s: got the leaks %v in %q", form, leaks, text)
		}
	}
	if leaks := s.Find(bytes.Repeat([]byte("nothing of interest "), 1000)); len(leaks) > 0 {
		t.Error(leaks)
	}
}

func TestFindsEveryForm(t *testing.T) {
	s := New(map[string]string{"password": canary})
	if len(s.needles) < 30 {
		t.Errorf("got %d forms", len(s.needles))
	}
	for _, n := range s.needles {
		for _, around := range [][2]string{{"", ""}, {"before ", " after"}, {string(n.text[:2]), string(n.text[:1])}} {
			want := Leak{"password", n.form, len(around[0])}
			if leaks := s.Find([]byte(around[0] + string(n.text) + around[1])); !slices.Contains(leaks, want) {
				t.Errorf("got no leak %s among %v", want, leaks)
			}
		}
	}
}

// deaf is a test that ignores errors.
type deaf struct {
	testing.TB
	heard []string
}

func (d *deaf) Helper() {}

func (d *deaf) Errorf(format string, args ...any) {
	d.heard = append(d.heard, fmt.Sprintf(format, args...))
}

func TestSearch(t *testing.T) {
	s := New(map[string]string{"password": canary, "token": "some other secret"})
	quiet := []byte(strings.Repeat("nothing of interest ", 100))
	leaking := slices.Concat(quiet, []byte(writers["JSON"](canary)), quiet)
	for seed := range uint64(200) {
		d, random := &deaf{}, rand.New(rand.NewPCG(seed, 0))
		if n := s.Search(d, random, []Sink{{Name: "quiet", Data: quiet}, {Name: "state", Data: leaking, ByDesign: []string{"password"}}}); n != 2*len(quiet)+len(leaking)-len(quiet) || len(d.heard) > 0 {
			t.Fatalf("seed %d: %d bytes, %q", seed, n, d.heard)
		}
		s.Search(d, random, []Sink{{Name: "zip", Data: []byte(writers["plain in tfstate"](canary))}})
		if !slices.ContainsFunc(d.heard, func(said string) bool { return strings.HasPrefix(said, "zip in tfstate: password as plain at 6") }) {
			t.Fatalf("seed %d: %q", seed, d.heard)
		}
	}
	d := &deaf{}
	s.Search(d, rand.New(rand.NewPCG(0, 0)), []Sink{{Name: "empty"}})
	if len(d.heard) != 1 {
		t.Errorf("got %q", d.heard)
	}
	s.by4 = nil
	s.Search(d, rand.New(rand.NewPCG(0, 0)), []Sink{{Name: "quiet", Data: quiet}})
	if len(d.heard) == 1 {
		t.Error("a search that finds nothing does not fail")
	}
}
