package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sitemail/terraform-provider-smtp"

// mayImport says which packages of this module each one imports, outside its tests. Names are relative to internal/;
// "*" stands for one element of a path. Packages secret and untrusted may be imported everywhere and are left out.
var mayImport = map[string][]string{
	"main":                           {"provider"},
	"provider":                       {"platform", "adminapi", "site", "mail/*"},
	"platform":                       {"platform/*", "adminapi", "site"},
	"platform/*":                     {"platform/outcome", "adminapi", "site"},
	"platform/siteadmin/conformance": {"platform/siteadmin", "adminapi", "site", "site/sitetest", "test/*"},
	"platform/*/*test":               {"test/*"},
	"adminapi":                       {},
	"adminapi/*":                     {},
	"site":                           {},
	"site/sitetest":                  {"site"},
	"mail/submit":                    {"site"},
	"mail/diagnosis":                 {"site", "mail/presets"},
	"mail/presets":                   {"site"},
	"mail/ses":                       {},
	"secret":                         {},
	"untrusted":                      {},
	"refsite":                        {"refsite/*", "site", "mail/*"},
	"refsite/*":                      {"refsite/*", "site", "mail/*"},
	"refsite/cmd/*":                  {"refsite", "refsite/*"},
	"refsite/refsitetest":            {"test/*"},
	"test/*":                         {"test/*", "adminapi/adminapitest", "site"},
	"test/*/*":                       {"test/*"},
	"dev/*":                          {"test/*", "provider", "refsite", "refsite/*", "site", "mail/*"},
	"dev/*/*":                        {"provider"},
}

// onlyIn says which packages import a module from outside, outside their tests; names as in mayImport.
var onlyIn = map[string][]string{
	"github.com/hashicorp/terraform-plugin-":        {"main", "provider", "dev/schemas", "dev/bench/*"},
	"github.com/hashicorp/go-retryablehttp":         {"adminapi"},
	"github.com/emersion/":                          {"mail/submit", "test/smtptest"},
	"github.com/ProtonMail/go-crypto":               {"dev/release"},
	"go.etcd.io/bbolt":                              {"refsite", "refsite/*", "test/pinned"},
	"testing":                                       {"site/sitetest", "platform/*/*test", "refsite/refsitetest", "test/leaktest"},
	"net/http/httptest":                             {},
	"github.com/getkin/kin-openapi":                 {"test/contracttest"},
	"github.com/anishathalye/porcupine":             {},
	"pgregory.net/rapid":                            {"site/sitetest"},
	"go.uber.org/goleak":                            {},
	"github.com/hashicorp/terraform-exec":           {},
	"github.com/hashicorp/terraform-plugin-testing": {},
}

// listed is a package as the go command describes it.
type listed struct {
	ImportPath string
	Imports    []string
}

// name is that by which the tables know it.
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

// matchesAny reports whether one of the names, which may hold "*", is name.
func matchesAny(names []string, name string) bool {
	return slices.ContainsFunc(names, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	})
}

func TestImportsPointOneWay(t *testing.T) {
	for _, p := range list(t, module+"/...") {
		allowed, known := rule(p.name())
		if !known {
			t.Errorf("%s is new: say in mayImport what it may import", p.name())
			continue
		}
		for _, imported := range p.Imports {
			name, ours := strings.CutPrefix(imported, module+"/internal/")
			if ours && name != "secret" && name != "untrusted" && !matchesAny(allowed, name) {
				t.Errorf("%s imports %s", p.name(), name)
			}
		}
	}
}

// rule returns what the package of that name may import: its own entry, else the one that its name matches.
func rule(name string) (allowed []string, known bool) {
	if allowed, known = mayImport[name]; known {
		return allowed, true
	}
	for pattern, allowed := range mayImport {
		if matchesAny([]string{pattern}, name) {
			return allowed, true
		}
	}
	return nil, false
}

func TestForeignModulesStayWhereTheyBelong(t *testing.T) {
	for _, p := range list(t, module+"/...") {
		for _, imported := range p.Imports {
			for prefix, homes := range onlyIn {
				if strings.HasPrefix(imported, prefix) && !matchesAny(homes, p.name()) {
					t.Errorf("%s imports %s", p.name(), imported)
				}
			}
		}
	}
}

// server matches the packages that serve, and those that only tests need.
var server = regexp.MustCompile(`/internal/((refsite|test|dev)(/|$)|.*test$)|^go\.etcd\.io/bbolt|^net/http/httptest$`)

func TestTheProviderLinksNoServer(t *testing.T) {
	packages := list(t, "-deps", module)
	for _, p := range packages {
		if server.MatchString(p.ImportPath) {
			t.Errorf("the provider links %s", p.name())
		}
	}
	if !slices.ContainsFunc(packages, func(p listed) bool { return p.name() == "provider" }) {
		t.Error("the provider is not in its own binary: this test looks at the wrong thing")
	}
}
