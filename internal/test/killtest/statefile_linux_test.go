package killtest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/test/soaktest"
)

// changes are the watched events: points at which the state file, its backup or its lock is being written.
const changes = syscall.IN_CREATE | syscall.IN_MODIFY | syscall.IN_CLOSE_WRITE | syscall.IN_DELETE | syscall.IN_MOVED_TO

// watch calls changed for every change of a file in dir, with its number and what it is, until it is stopped.
func watch(t *testing.T, dir string, changed func(n int, what string)) (stop func()) {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := syscall.InotifyAddWatch(fd, dir, changes); err != nil {
		t.Fatal(err)
	}
	events, done := os.NewFile(uintptr(fd), "inotify"), make(chan struct{})
	go func() {
		defer close(done)
		n := 0
		for buffer := make([]byte, 64<<10); ; {
			size, err := events.Read(buffer)
			if err != nil {
				return
			}
			for rest := buffer[:size]; len(rest) > 0; n++ {
				// See inotify(7) on struct inotify_event.
				mask, end := binary.NativeEndian.Uint32(rest[4:]), syscall.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(rest[12:]))
				name := strings.TrimRight(string(rest[syscall.SizeofInotifyEvent:end]), "\x00")
				changed(n, fmt.Sprintf("%s %#x", name, mask))
				rest = rest[end:]
			}
		}
	}()
	return func() {
		_ = events.Close()
		<-done
	}
}

// written are the phases that create, replace and remove a state.
var written = []phase{phases[0], phases[1], phases[3]}

// TestR21KilledWhileTheStateIsWritten kills Terraform whenever it touches its state file.
func TestR21KilledWhileTheStateIsWritten(t *testing.T) {
	w := newTestbed(t)
	w.workspace.Dir = filepath.Join(w.workspace.Dir, "local")
	if err := os.Mkdir(w.workspace.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := w.workspace.Init(t.Context(), fmt.Sprintf(config, "")); err != nil {
		t.Fatal(err)
	}
	w.left = func() (state, lock []byte) {
		state, err := os.ReadFile(filepath.Join(w.workspace.Dir, "terraform.tfstate"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.t.Fatal(err)
		}
		return state, nil
	}
	type cell struct {
		phase phase
		n     int
	}
	var cells []cell
	for _, p := range written {
		w.configure(p.want)
		n := w.killAtChange(p, -1)
		t.Logf("%s changes files %d times", p.name, n)
		for i := range n {
			cells = append(cells, cell{p, i})
		}
	}
	due := map[string][]int{}
	for _, c := range soaktest.Draw(t, cells, nil) {
		due[c.phase.name] = append(due[c.phase.name], c.n)
	}
	for life := 0; len(due) > 0 && !t.Failed(); life++ {
		for _, p := range written {
			t.Run(fmt.Sprintf("%s in life %d", p.name, life), func(t *testing.T) {
				w.t = t
				w.configure(p.want)
				w.gate.forget(p)
				rest := due[p.name]
				if len(rest) == 0 {
					w.applyAgain(p)
					return
				}
				if due[p.name] = rest[1:]; len(rest) == 1 {
					delete(due, p.name)
				}
				w.killAtChange(p, rest[0])
				w.restoreState()
				w.checkLeft(p)
				w.converge(p)
			})
		}
	}
}

// restoreState does what a user with an empty state file does: Terraform truncates the file before writing it, and keeps a backup.
func (w *testbed) restoreState() {
	w.t.Helper()
	file := filepath.Join(w.workspace.Dir, "terraform.tfstate")
	if state, err := os.ReadFile(file); err != nil || len(state) > 0 {
		return
	}
	backup, err := os.ReadFile(file + ".backup")
	if err != nil {
		return
	}
	w.t.Log("the state was emptied")
	if err := os.WriteFile(file, backup, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// killAtChange runs the phase, kills at a change of a file, and returns how many there were; -1 kills nowhere.
func (w *testbed) killAtChange(p phase, at int) (n int) {
	w.t.Helper()
	started := make(chan *terraform, 1)
	stop := watch(w.t, w.workspace.Dir, func(i int, what string) {
		n = i + 1
		if i == at {
			tf := <-started
			_ = tf.Process.Kill()
			w.t.Logf("killed at change %d: %s", i, what)
		}
	})
	tf := p.start(w)
	started <- tf
	out, err := tf.wait()
	stop()
	tf.endOrphans()
	if at < 0 && err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
	if n <= at {
		w.t.Logf("it ended before change %d", at)
	}
	return n
}
