//go:build linux

package wordpresstest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

const (
	// startTime and stopTime are how long a process may take to be ready, and to end before it is killed.
	startTime = time.Minute
	stopTime  = 10 * time.Second
)

// process is a program with all that it starts, which has a log file.
type process struct {
	cmd *exec.Cmd
	// ended is closed when the program has ended and its output is in the log.
	ended chan struct{}
}

// run starts a program and waits until it writes a line that matches ready, whose groups it returns.
func run(cmd *exec.Cmd, logFile string, ready *regexp.Regexp) (*process, []string, error) {
	// A group of its own, so that its children end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	output, input, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	cmd.Stdout, cmd.Stderr = input, input
	err = errors.Join(cmd.Start(), input.Close())
	if err != nil {
		return nil, nil, errors.Join(err, output.Close())
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	found := make(chan []string, 1)
	go func() {
		defer close(p.ended)
		defer close(found)
		_ = record(output, logFile, ready, found)
		_ = cmd.Wait()
	}()
	select {
	case groups, ok := <-found:
		if ok {
			return p, groups, nil
		}
		err = errors.New("it ended")
	case <-time.After(startTime):
		err = errors.New("it took too long")
	}
	p.kill()
	log, _ := os.ReadFile(logFile)
	return nil, nil, fmt.Errorf("start %s: %w\n%s", filepath.Base(cmd.Path), err, log)
}

// record appends output to the log file until it ends, and sends the groups of the first line that matches.
func record(output io.ReadCloser, logFile string, ready *regexp.Regexp, found chan<- []string) error {
	defer output.Close()
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	lines := bufio.NewReader(io.TeeReader(output, log))
	for searching := true; ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		if groups := ready.FindStringSubmatch(line); searching && groups != nil {
			found <- groups
			searching = false
		}
	}
}

// stop asks the program to end and waits until it has.
func (p *process) stop() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopTime):
		p.kill()
	}
}

// kill ends the program and its children without their knowledge.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
}
