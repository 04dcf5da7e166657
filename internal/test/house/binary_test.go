package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sitemail/terraform-provider-smtp"

// listed is a package in the output of go list.
type listed struct {
	ImportPath string
	Imports    []string
}

// name returns its name in the tables.
func (l listed) name() string {
	if l.ImportPath == module {
		return "main"
	}
	return strings.TrimPrefix(l.ImportPath, module+"/internal/")
}

func list(t *testing.T, args ...string) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-e", "-json=ImportPath,Imports"}, args...)...)
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("%s: %v\n%s", cmd, err, exit.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	var packages []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// server matches packages of servers, and those that only tests need.
var server = regexp.MustCompile(`/internal/((refsite|test|dev)(/|$)|.*test$)|^go\.etcd\.io/bbolt|/go-imap/v2/imapserver|^net/http/httptest$`)

func TestTheProviderLinksNoServer(t *testing.T) {
	packages := list(t, "-deps", module)
	for _, p := range packages {
		if server.MatchString(p.ImportPath) {
			t.Errorf("the provider links %s", p.name())
		}
	}
	if !slices.ContainsFunc(packages, func(p listed) bool { return p.name() == "provider" }) {
		t.Error("the list of packages lacks the provider itself: this test reads the wrong binary")
	}
}
