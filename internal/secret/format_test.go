package secret_test

import (
	"errors"
	"fmt"
	"html/template"
	"os"
	"os/exec"
	"strings"
	"testing"
	texttemplate "text/template"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// verbs are all that fmt knows, some with flags, and one that it does not.
var verbs = []string{
	"%v", "%+v", "%#v", "%s", "%10s", "%.3s", "%q", "%+q", "%#q", "%x", "%X", "% x", "%#x", "%d", "%b", "%o", "%O",
	"%c", "%U", "%e", "%f", "%g", "%t", "%w", "%p", "%T", "%y",
}

type exported struct{ Password secret.Text }

type embedded struct{ secret.Text }

// hidden is what fmt reads by reflection: it cannot call a method on any of these.
type hidden struct {
	text    secret.Text
	pointer *secret.Text
	boxed   any
	list    []secret.Text
	array   [1]secret.Text
	byName  map[string]secret.Text
	deeper  struct{ text secret.Text }
}

func newHidden() hidden {
	text := secret.New(value)
	h := hidden{
		text: text, pointer: &text, boxed: text,
		list: []secret.Text{text}, array: [1]secret.Text{text}, byName: map[string]secret.Text{"password": text},
	}
	h.deeper.text = text
	return h
}

type loginError struct{ Password secret.Text }

func (e loginError) Error() string { return fmt.Sprintf("login with %s failed", e.Password) }

func TestNoVerbShowsAReachableText(t *testing.T) {
	text := secret.New(value)
	holders := map[string]any{
		"Text":          text,
		"Pointer":       &text,
		"Field":         exported{text},
		"FieldPointer":  &exported{text},
		"Embedded":      embedded{text},
		"Slice":         []secret.Text{text},
		"Array":         [1]secret.Text{text},
		"MapValue":      map[string]secret.Text{"password": text},
		"MapKey":        map[secret.Text]bool{text: true},
		"Any":           []any{text, map[string]any{"password": text}},
		"Error":         loginError{text},
		"WrappingError": fmt.Errorf("apply: %w", errors.Join(loginError{text}, fmt.Errorf("password %v", text))),
	}
	for name, holder := range holders {
		t.Run(name, func(t *testing.T) {
			for _, verb := range verbs {
				out := fmt.Sprintf(verb, holder)
				if found := leaked(out); found != "" {
					t.Errorf("%s shows the secret as %q: %s", verb, found, out)
				}
				if verb == "%v" && !strings.Contains(out, redacted) {
					t.Errorf("%s does not say that there is a secret: %s", verb, out)
				}
			}
		})
	}
}

func TestNoVerbShowsAHiddenText(t *testing.T) {
	h := newHidden()
	holders := map[string]any{
		"Struct":   h,
		"Pointer":  &h,
		"Slice":    []hidden{h},
		"Map":      map[string]*hidden{"site": &h},
		"InStruct": struct{ h hidden }{h},
	}
	for name, holder := range holders {
		t.Run(name, func(t *testing.T) {
			for _, verb := range verbs {
				out := fmt.Sprintf(verb, holder)
				if found := leaked(out); found != "" {
					t.Errorf("%s shows the secret as %q: %s", verb, found, out)
				}
			}
		})
	}
}

func TestEveryVerbRedacts(t *testing.T) {
	for _, verb := range verbs {
		// fmt answers these itself: with the type, or with a complaint that holds the address of the value.
		if verb == "%T" || verb == "%p" || verb == "%w" {
			continue
		}
		if got := fmt.Sprintf(verb, secret.New(value)); got != redacted {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

func TestPrintingNilPointer(t *testing.T) {
	var none *secret.Text
	if got := fmt.Sprintf("%v %s", none, none); strings.Contains(got, "PANIC") {
		t.Errorf("a nil *Text prints %q", got)
	}
}

func TestTemplatesRedact(t *testing.T) {
	const page = `{{.Password}} {{printf "%s" .Password}}`
	data := exported{secret.New(value)}
	for name, execute := range map[string]func(*strings.Builder) error{
		"text": func(b *strings.Builder) error {
			return texttemplate.Must(texttemplate.New("").Parse(page)).Execute(b, data)
		},
		"html": func(b *strings.Builder) error {
			return template.Must(template.New("").Parse(page)).Execute(b, data)
		},
	} {
		var out strings.Builder
		if err := execute(&out); err != nil {
			t.Fatal(err)
		}
		if got, want := out.String(), redacted+" "+redacted; got != want {
			t.Errorf("%s/template shows %q, want %q", name, got, want)
		}
	}
}

// TestR29PanicRedacts runs itself once more for each holder, because only a process that dies prints its panic.
func TestR29PanicRedacts(t *testing.T) {
	const variable = "SECRET_TEST_PANIC"
	holders := map[string]any{
		"Text":   secret.New(value),
		"Field":  exported{secret.New(value)},
		"Hidden": newHidden(),
		"Error":  loginError{secret.New(value)},
	}
	if holder, dying := holders[os.Getenv(variable)]; dying {
		panic(holder)
	}
	for name := range holders {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestR29PanicRedacts$")
			cmd.Env = append(os.Environ(), variable+"="+name, "GOTRACEBACK=all")
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "panic: ") {
				t.Fatalf("the process did not panic: %v, %s", err, out)
			}
			if found := leaked(string(out)); found != "" {
				t.Errorf("the output shows the secret as %q: %s", found, out)
			}
		})
	}
}
