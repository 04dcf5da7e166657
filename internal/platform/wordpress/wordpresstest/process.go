//go:build linux

package wordpresstest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"time"
)

// startTime is how long a process may take to be ready.
const startTime = time.Minute

// guardian is a shell script that runs a program and kills it, with everything it started, when this process ends: its standard input is
// then closed. If the program ends by itself, everything it started is killed too.
const guardian = `("$@"; kill -KILL 0) & read -r _; kill -KILL 0`

// process is a program with everything it starts, in a separate process group, and with a log file.
type process struct {
	cmd *exec.Cmd
	// alive is the guardian's standard input.
	alive io.Closer
	// ended is closed when the program has ended and its output is in the log.
	ended chan struct{}
}

// run starts a program with arguments and an environment variable, waits until it writes a line that matches ready, and returns the groups
// of the match.
func run(program []string, variable, logFile string, ready *regexp.Regexp) (*process, []string, error) {
	cmd := exec.Command("sh", append([]string{"-c", guardian, "sh"}, program...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = append(os.Environ(), variable)
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	output, input, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	cmd.Stdout, cmd.Stderr = input, input
	err = errors.Join(cmd.Start(), input.Close())
	if err != nil {
		return nil, nil, errors.Join(err, output.Close())
	}
	p := &process{cmd: cmd, alive: alive, ended: make(chan struct{})}
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
	return nil, nil, fmt.Errorf("start %s: %w\n%s", program[0], err, log)
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

// kill kills the program and its children. They need no clean exit, because their files are in a folder that is removed.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	_ = p.alive.Close()
	<-p.ended
}
