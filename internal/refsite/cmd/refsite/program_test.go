package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// untilListening is a standard output that stops the command once it listens.
type untilListening struct {
	bytes.Buffer
	stop func()
}

func (u *untilListening) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("listening")) {
		u.stop()
	}
	return u.Buffer.Write(line)
}

// try runs the command in this process and returns what it printed.
func try(t *testing.T, env string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out := untilListening{stop: stop}
	var log bytes.Buffer
	p := program{env: func(string) string { return env }, stdout: &out, stderr: &log}
	err = p.run(ctx, args)
	return out.String(), log.String(), err
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"-help"}, {"-h"}, {"serve", "-help"}, {}} {
		_, text, err := try(t, "", args...)
		if !errors.Is(err, flag.ErrHelp) || !strings.Contains(text, "REFSITE_KEYS") || !strings.Contains(text, "-allow-network") {
			t.Errorf("%q: %v\n%s", args, err, text)
		}
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key := "1:" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	good, open, empty := write("keys", key, 0o600), write("open", key, 0o644), write("empty", "", 0o600)
	data := filepath.Join(dir, "data")
	serve := func(args ...string) []string { return append([]string{"serve", "-listen", "127.0.0.1:0"}, args...) }
	for name, test := range map[string]struct {
		args []string
		why  string
	}{
		"UnknownCommand":           {[]string{"start"}, "unknown command"},
		"KeyWithoutFile":           {[]string{"key"}, "unknown command"},
		"KeyInAMissingDirectory":   {[]string{"key", filepath.Join(dir, "none", "keys")}, "key file"},
		"UnknownFlag":              {serve("-datas", data), "not defined"},
		"UnknownArgument":          {serve("-data", data, "x"), "unknown argument"},
		"NoDataFile":               {serve("-keys", good), "-data is missing"},
		"R48_NoKey":                {serve("-data", data), "no sealing key"},
		"R48_EmptyKeyFile":         {serve("-data", data, "-keys", empty), "no sealing key"},
		"R48_MissingKeyFile":       {serve("-data", data, "-keys", filepath.Join(dir, "none")), "key file"},
		"R48_KeyFileOthersCanRead": {serve("-data", data, "-keys", open), "users other than its owner"},
		"PlainHTTP":                {[]string{"serve", "-listen", "0.0.0.0:0", "-data", data, "-keys", good}, "plain HTTP"},
		"PlainHTTPEverywhere":      {[]string{"serve", "-listen", ":0", "-data", data, "-keys", good}, "plain HTTP"},
		"Address":                  {[]string{"serve", "-listen", "nowhere", "-data", data, "-keys", good}, "address"},
		"HalfTLS":                  {serve("-data", data, "-keys", good, "-tls-cert", good), "no such file"},
		"NoCertificate":            {serve("-data", data, "-keys", good, "-tls-cert", good, "-tls-key", good), "PEM"},
		"Network":                  {serve("-data", data, "-keys", good, "-allow-network", "10.0.0.1"), "-allow-network"},
		"Authorities":              {serve("-data", data, "-keys", good, "-ca", good), "no certificate"},
		"MissingAuthorities":       {serve("-data", data, "-keys", good, "-ca", filepath.Join(dir, "none")), "no such file"},
		"SiteName":                 {serve("-data", data, "-keys", good, "-site", "Client A"), "not a valid name of a site"},
		"MissingSites":             {serve("-data", data, "-keys", good, "-sites", filepath.Join(dir, "none")), "no such file"},
		"ResetWithoutSite":         {serve("-data", data, "-keys", good, "-reset", "nobody"), "no such site"},
	} {
		t.Run(name, func(t *testing.T) {
			out, _, err := try(t, "", test.args...)
			if err == nil || !strings.Contains(err.Error(), test.why) || strings.Contains(err.Error(), key) || out != "" {
				t.Errorf("got %v and %q, want %s", err, out, test.why)
			}
		})
	}
}

func TestKeysFromTheEnvironment(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	key := "1:" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	out, log, err := try(t, key, "serve", "-listen", "0.0.0.0:0", "-behind-proxy", "-data", data, "-site", "client-a")
	if err != nil {
		t.Fatal(err)
	}
	var created, listening map[string]string
	d := json.NewDecoder(strings.NewReader(out))
	if err := errors.Join(d.Decode(&created), d.Decode(&listening)); err != nil || created["site"] != "client-a" || listening["listening"] == "" {
		t.Errorf("%v: %s", err, out)
	}
	if strings.Contains(log+out, key) {
		t.Error("the log or the output shows the key")
	}
}
