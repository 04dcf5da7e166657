package refsite_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/test/soaktest"
)

// diskCalls are the system calls that write files.
var diskCalls = map[int]string{
	unix.SYS_PWRITE64: "pwrite64", unix.SYS_FDATASYNC: "fdatasync", unix.SYS_FSYNC: "fsync", unix.SYS_FTRUNCATE: "ftruncate",
}

// judge returns the error of a call that writes a file, or 0 to let it proceed. nth counts from 1.
type judge func(call string, nth int) syscall.Errno

// The notification of seccomp(2) and the response to it.
type (
	notification struct {
		id         uint64
		pid, flags uint32
		nr         int32
		arch       uint32
		ip         uint64
		args       [6]uint64
	}
	response struct {
		id    uint64
		val   int64
		err   int32
		flags uint32
	}
)

// onFailingDisk calls do on a thread whose file writes fail as judge decides, like those on a failing disk. The kernel asks judge about
// each call (seccomp_unotify(2)). The thread ends with do.
func onFailingDisk(t *testing.T, fails judge, do func()) {
	t.Helper()
	listener, judged := make(chan int), make(chan error, 1)
	go func() { judged <- judgeCalls(<-listener, fails) }()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that no other goroutine gets the thread
		fd, err := filterThread()
		listener <- fd
		if err == nil {
			do()
			_ = unix.Fdatasync(-1) // signals the end
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatalf("seccomp: %v", err)
	}
	if err := <-judged; err != nil {
		t.Fatalf("seccomp: %v", err)
	}
}

// filterThread makes the kernel ask about the calling thread's disk calls on the returned descriptor.
func filterThread() (fd int, err error) {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return -1, err
	}
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}} // the number of the call
	for nr := range diskCalls {
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: uint32(nr)},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF})
	}
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	got, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return -1, errno
	}
	return int(got), nil
}

// judgeCalls answers the kernel until the thread signals the end.
func judgeCalls(fd int, fails judge) error {
	if fd < 0 {
		return nil
	}
	defer unix.Close(fd)
	for nth := 1; ; nth++ {
		asked, err := nextCall(fd)
		if err != nil {
			return err
		}
		answer := response{id: asked.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		over := int32(asked.args[0]) == -1
		if !over {
			if errno := fails(diskCalls[int(asked.nr)], nth); errno != 0 {
				answer.err, answer.flags = -int32(errno), 0
			}
		}
		if err := ioctl(fd, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&answer)); err != nil || over {
			return err
		}
	}
}

// nextCall waits for a disk call of the thread. A signal of Go's scheduler may interrupt a call after the kernel has announced it and
// before it is received here: then there is no such call (ENOENT), and the thread makes it again.
func nextCall(fd int) (notification, error) {
	for {
		var asked notification
		if err := ioctl(fd, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&asked)); !errors.Is(err, unix.ENOENT) {
			return asked, err
		}
	}
}

func ioctl(fd int, request uint, argument unsafe.Pointer) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(argument))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}

// onFailingDisk serves do's requests, one at a time, on a failing disk.
func (w *testbed) onFailingDisk(fails judge, do func()) {
	w.t.Helper()
	healthy := w.handler.Load()
	var failing http.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		onFailingDisk(w.t, fails, func() { (*healthy).ServeHTTP(rw, r) })
	})
	w.handler.Store(&failing)
	defer w.handler.Store(healthy)
	do()
}

// onACopy starts a server on a copy of the current data file, and returns its state.
func (w *testbed) onACopy(c *client) object {
	w.t.Helper()
	content, err := os.ReadFile(w.config.DataFile)
	if err != nil {
		w.t.Fatal(err)
	}
	config := w.config
	config.DataFile = filepath.Join(w.t.TempDir(), "copy")
	if err := os.WriteFile(config.DataFile, content, 0o600); err != nil {
		w.t.Fatal(err)
	}
	server, err := refsite.New(config)
	if err != nil {
		w.t.Fatalf("starting after the fault: %v", err)
	}
	running := w.handler.Load()
	defer w.handler.Store(running)
	handler := server.Handler()
	w.handler.Store(&handler)
	found := c.read().object
	if err := server.Close(w.t.Context()); err != nil {
		w.t.Error(err)
	}
	return found
}

// diskFault is a disk fault at one call of a write, or from that call on.
type diskFault struct {
	write   string
	errno   syscall.Errno
	at      int
	forGood bool
}

// diskCallsOfAWrite is more than the number of calls of any write.
const diskCallsOfAWrite = 9

func diskFaults(writes ...string) []diskFault {
	var all []diskFault
	for _, write := range writes {
		for _, errno := range []syscall.Errno{syscall.EIO, syscall.ENOSPC, syscall.EROFS} {
			for at := range diskCallsOfAWrite {
				all = append(all, diskFault{write, errno, at + 1, false}, diskFault{write, errno, at + 1, true})
			}
		}
	}
	return all
}

// If the disk fails at any call of a write, nothing is changed, or the response says that the outcome is unknown. In either case memory,
// disk and a later start agree.
func TestFailingDisk(t *testing.T) {
	w := start(t, func(c *refsite.Config) { c.TestBurst = 1000 })
	c := w.site("client-a")
	w.enable(c, nil)
	save := func() answer {
		return c.call(http.MethodPut, "/smtp", withID(object{"settings": w.settings(nil), "password": w.password, "enabled": true}), "If-Match", c.etag())
	}
	path := ""
	writes := map[string]func() answer{
		"Save":  save,
		"Clear": func() answer { return c.call(http.MethodDelete, "/smtp", nil, "If-Match", c.etag()) },
		"Test":  func() answer { return c.call(http.MethodPut, path, w.candidate()) },
	}
	single := func(f diskFault) bool { return f.write == "Save" && f.errno == syscall.EIO && !f.forGood }
	inDoubt := 0
	for _, f := range soaktest.Draw(t, diskFaults("Save", "Clear", "Test"), single) {
		t.Run(fmt.Sprintf("R40_%s%sAt%dForGood%t", f.write, unix.ErrnoName(f.errno), f.at, f.forGood), func(t *testing.T) {
			save().want(t, http.StatusOK, "")
			path = newTest()
			before, messages := c.read().object, w.mail.Counters().Messages
			failed, isTest := "", f.write == "Test"
			var got answer
			w.onFailingDisk(func(call string, nth int) syscall.Errno {
				if nth == f.at || f.forGood && nth > f.at {
					failed = call
					return f.errno
				}
				return 0
			}, func() { got = writes[f.write]() })
			now := c.read().object
			switch {
			case failed == "": // the write had already ended
				got.want(t, http.StatusOK, "")
				return
			case got.object["code"] == "storage":
				got.want(t, http.StatusInsufficientStorage, "storage")
				equal(t, now, before)
				if isTest {
					c.call(http.MethodGet, path, nil).want(t, http.StatusNotFound, "not_found")
				}
			default:
				inDoubt++
				got.want(t, http.StatusInternalServerError, "internal")
				if failed != "fdatasync" || reflect.DeepEqual(now, before) != isTest {
					t.Errorf("in doubt after a failed %s, but the site holds %v", failed, now)
				}
				if isTest {
					equal(t, c.call(http.MethodGet, path, nil).want(t, http.StatusOK, "").object["status"], any("in_doubt"))
				}
			}
			equal(t, w.onACopy(c), now)
			w.restart(func() {})
			equal(t, c.read().object, now)
			if n := w.mail.Counters().Messages; n != messages {
				t.Errorf("I3: got %d messages, want none", n-messages)
			}
		})
	}
	if inDoubt == 0 {
		t.Error("no fault struck after the change was readable")
	}
}

// On a failing or read-only disk, a start fails, whichever call fails, and nothing is lost.
func TestStartOnAFailingDisk(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	before := w.enable(c, nil).object
	for at := range 2 * diskCallsOfAWrite {
		for _, errno := range []syscall.Errno{syscall.EIO, syscall.EROFS} {
			t.Run(fmt.Sprintf("R40_%sAt%d", unix.ErrnoName(errno), at+1), func(t *testing.T) {
				w.close()
				failed := false
				var opened *refsite.Server
				var err error
				onFailingDisk(t, func(_ string, nth int) syscall.Errno {
					if nth <= at {
						return 0
					}
					failed = true
					return errno
				}, func() { opened, err = refsite.New(w.config) })
				switch {
				case failed && !errors.Is(err, errno):
					t.Errorf("got %v", err)
				case !failed && err != nil:
					t.Error(err)
				}
				if opened != nil {
					if err := opened.Close(t.Context()); err != nil {
						t.Error(err)
					}
				}
				w.open()
				equal(t, c.read().object, before)
			})
		}
	}
}
