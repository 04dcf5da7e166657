package doctest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/test/tfcli"
)

// patience is the timeout of each step of a walk.
const patience = time.Minute

// walk follows a guide from top to bottom, and compares what it shows with what happens.
//
//   - "sh" is typed into one shell; "sh background" runs in a separate terminal until the end.
//   - A block with the name of a file, such as "terraform main.tf", is written to it.
//   - "text" right after one of these is its output; "text NAME" is the output of the background program of that name.
//   - A block with a note (an HTML comment above it that says why it cannot be run here) is skipped, with its output.
type walk struct {
	t   *testing.T
	dir string
	env []string
	// names map words of the guide to those of this run, such as a port; see [names.learn].
	names *names

	shell      io.Writer
	out        *screen
	background map[string]*screen
	// last is where the output of the last command is: the screen and the offset.
	last *screen
	from int
}

// newWalk has a shell in an empty folder, in which terraform is the CLI of the other tests.
func newWalk(t *testing.T, cli tfcli.CLI) *walk {
	t.Helper()
	w := &walk{t: t, dir: t.TempDir(), names: &names{}, background: map[string]*screen{}}
	bin := t.TempDir()
	if err := os.Symlink(cli.Path, filepath.Join(bin, "terraform")); err != nil {
		t.Fatal(err)
	}
	w.env = append(w.env, cli.Command(t.Context()).Env...)
	w.env = append(w.env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "TF_CLI_ARGS=-no-color", "TF_INPUT=0")
	if cli.OpenTofu {
		w.names.say("registry.terraform.io", "registry.opentofu.org")
	}
	return w
}

// start opens the shell with env, which must be complete by then.
func (w *walk) start() {
	w.t.Helper()
	w.out = &screen{}
	w.shell = w.run(w.out, "sh")
}

// run starts a program, which ends with the test at the latest, and returns its standard input.
func (w *walk) run(out *screen, name string, args ...string) io.Writer {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), name, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = w.dir, w.env, out, out
	in, err := cmd.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return in
}

// program returns the program in a background command line, which may begin with assignments.
var program = regexp.MustCompile(`^((?:\w+=\S+ |\w+='[^']*' )*)(\./(\S+).*)$`)

// follow runs the document.
func (w *walk) follow(d document) {
	w.t.Helper()
	var skip bool
	for _, b := range d.blocks(w.t) {
		where := fmt.Sprintf("%s:%d", d.name, b.line)
		switch {
		case b.note != "" || skip && b.lang == "text":
			skip = true
			continue
		case b.lang == "sh" && b.arg == "background":
			match := program.FindStringSubmatch(strings.TrimSpace(b.text))
			if match == nil {
				w.t.Fatalf("%s: found no program in %q", where, b.text)
			}
			w.dir = w.folder()
			w.last, w.from = &screen{}, 0
			w.background[match[3]] = w.last
			w.run(w.last, "sh", "-c", w.names.here(match[1]+"exec "+match[2]))
		case b.lang == "sh":
			w.last, w.from = w.out, w.enter(where, w.names.here(b.text))
		case b.lang == "text":
			if of := w.background[b.arg]; of != nil {
				w.last, w.from = of, 0
			}
			w.shows(where, b.text)
		case b.arg != "":
			if err := os.WriteFile(filepath.Join(w.folder(), b.arg), []byte(w.names.here(b.text)), 0o600); err != nil {
				w.t.Fatal(err)
			}
		}
		skip = false
	}
}

// folder returns the shell's working folder.
func (w *walk) folder() string {
	w.t.Helper()
	from := w.enter("pwd", "pwd")
	return strings.TrimSpace(w.out.since(from))
}

// enter types a block and waits until the shell has run it. It returns the offset of its output on the screen.
func (w *walk) enter(where, text string) int {
	w.t.Helper()
	from := len(w.out.since(0))
	const end = "@@ done @@"
	if _, err := fmt.Fprintf(w.shell, "%s\necho '%s'\n", text, end); err != nil {
		w.t.Fatal(err)
	}
	if !w.out.wait(func(text string) bool { return strings.Contains(text[from:], end) }) {
		w.t.Fatalf("%s: no output ended\n%s\n%s", where, text, w.out.since(from))
	}
	w.out.remove(end + "\n")
	return from
}

// shows checks that a block shows what was printed.
func (w *walk) shows(where, want string) {
	w.t.Helper()
	is := func(text string) bool {
		w.names.learn(want, text[w.from:])
		return w.names.matches(want, text[w.from:])
	}
	// The shell has printed everything.
	if ok := w.last == w.out && is(w.out.since(0)) || w.last != w.out && w.last.wait(is); !ok {
		w.t.Fatalf("%s shows\n%s\nbut the program printed\n%s", where, want, w.last.since(w.from))
	}
}

// screen holds what programs print.
type screen struct {
	mu   sync.Mutex
	text []byte
	more chan struct{}
}

// Write implements [io.Writer].
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, p...)
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
	return len(p), nil
}

func (s *screen) since(from int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.text[from:])
}

func (s *screen) remove(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = bytes.Replace(s.text, []byte(text), nil, 1)
}

// wait waits until the screen satisfies is, and reports whether it did in time.
func (s *screen) wait(is func(text string) bool) bool {
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		text, more := string(s.text), s.more
		if more == nil {
			more = make(chan struct{})
			s.more = more
		}
		s.mu.Unlock()
		if is(text) {
			return true
		}
		select {
		case <-more:
		case <-deadline:
			return false
		}
	}
}

// names translates between the words of a document and those of this run.
type names struct{ pairs []pair }

type pair struct{ there, here string }

// say maps a word of the document to a word of this run.
func (n *names) say(there, here string) {
	if there != here {
		n.pairs = append(n.pairs, pair{there, here})
	}
}

// here converts text of the document to this run's words.
func (n *names) here(text string) string {
	for _, p := range n.pairs {
		text = strings.ReplaceAll(text, p.there, p.here)
	}
	return text
}

// learn maps the values of JSON members, such as tokens and passwords, which differ in each run.
func (n *names) learn(there, here string) {
	got := bufio.NewScanner(strings.NewReader(here))
	for line := range strings.Lines(there) {
		var theirs, ours map[string]any
		if json.Unmarshal([]byte(line), &theirs) != nil || !got.Scan() || json.Unmarshal(got.Bytes(), &ours) != nil {
			continue
		}
		n.learnObject(theirs, ours)
	}
}

// learnObject is learn for two objects of one shape.
func (n *names) learnObject(there, here map[string]any) {
	for member, value := range there {
		switch theirs := value.(type) {
		case map[string]any:
			ours, _ := here[member].(map[string]any)
			n.learnObject(theirs, ours)
		case string:
			if ours, ok := here[member].(string); ok && changing[member] && n.here(theirs) != ours {
				n.say(theirs, ours)
			}
		}
	}
}

// changing are the members whose values differ from run to run.
var changing = map[string]bool{
	"token": true, "password": true, "site_id": true, "password_id": true, "message_id": true, "expires_at": true, "updated_at": true, "tested_at": true,
}

// different matches what differs from run to run in the output of programs.
var different = []struct {
	pattern *regexp.Regexp
	same    string
}{
	{regexp.MustCompile(`(?m)^[╷│╵] ?`), ""},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "UUID"},
	{regexp.MustCompile(`\b\d+m?s\b`), "TIME"},
	{regexp.MustCompile(`(Test of the mail settings|Test) [0-9A-Z]{10}\b`), "$1 NUMBER"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDRESS"},
	{regexp.MustCompile(`OpenTofu`), "Terraform"},
	{regexp.MustCompile(`, \d+ forgotten`), ""}, // which only OpenTofu counts
	{regexp.MustCompile(`registry\.opentofu\.org`), "registry.terraform.io"},
}

// words normalizes text: it removes everything that differs from run to run, such as line breaks.
func words(text string) string {
	for _, d := range different {
		text = d.pattern.ReplaceAllString(text, d.same)
	}
	return strings.Join(strings.Fields(text), " ")
}

// matches reports whether got matches what a document shows, where "…" stands for any text.
func (n *names) matches(want, got string) bool {
	rest := words(got)
	parts := strings.Split(words(n.here(want)), "…")
	for i, part := range parts {
		part = strings.TrimSpace(part)
		at := strings.Index(rest, part)
		if at < 0 || i == 0 && at > 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	last := strings.TrimSpace(parts[len(parts)-1])
	return last == "" && len(parts) > 1 || strings.TrimSpace(rest) == ""
}
