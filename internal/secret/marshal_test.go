package secret_test

import (
	"bytes"
	"encoding"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// The ways to write a document that holds Texts.
var marshallers = map[string]func(any) ([]byte, error){
	"json": json.Marshal,
	"xml":  xml.Marshal,
	"gob": func(v any) ([]byte, error) {
		var out bytes.Buffer
		err := gob.NewEncoder(&out).Encode(v)
		return out.Bytes(), err
	},
}

type document struct {
	Name     string
	Password secret.Text
	Token    *secret.Text
	Attr     secret.Text `xml:",attr"`
	List     []secret.Text
	own      secret.Text
}

func newDocument() document {
	text := secret.New(value)
	return document{Name: "a", Password: text, Token: &text, Attr: text, List: []secret.Text{text}, own: text}
}

func TestMarshallersDoNotLeak(t *testing.T) {
	text := secret.New(value)
	holders := map[string]any{
		"Text":    text,
		"Pointer": &text,
		"Struct":  newDocument(),
		"Slice":   []secret.Text{text},
		"Map":     map[string]secret.Text{"password": text},
		"MapKey":  map[secret.Text]int{text: 1},
	}
	for format, marshal := range marshallers {
		for name, holder := range holders {
			t.Run(format+"/"+name, func(t *testing.T) {
				// An error is a fine answer, as long as it does not leak either: gob knows only exported fields, and xml no maps.
				out, err := marshal(holder)
				if found := leaked(string(out)); found != "" {
					t.Errorf("the output shows the secret as %q: %s", found, out)
				}
				if err != nil && leaked(err.Error()) != "" {
					t.Errorf("the error shows the secret: %v", err)
				}
			})
		}
	}
}

func TestMarshalledFormSaysRedacted(t *testing.T) {
	tests := []struct{ format, want string }{
		{"json", `{"Name":"a","Password":"[redacted]","Token":"[redacted]","Attr":"[redacted]","List":["[redacted]"]}`},
		{"xml", `<document Attr="[redacted]"><Name>a</Name><Password>[redacted]</Password><Token>[redacted]</Token><List>[redacted]</List></document>`},
	}
	for _, tt := range tests {
		got, err := marshallers[tt.format](newDocument())
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.format, got, err, tt.want)
		}
	}
	var marshaler encoding.TextMarshaler = secret.New(value)
	if got, err := marshaler.MarshalText(); err != nil || string(got) != redacted {
		t.Errorf("MarshalText: %s, %v; want %s", got, err, redacted)
	}
}

// A Text that could be read back would take the mask for the password.
func TestMarshalledFormIsNotReadBack(t *testing.T) {
	var into document
	if err := json.Unmarshal([]byte(`{"Password":"[redacted]"}`), &into); err == nil {
		t.Errorf("json.Unmarshal accepted the mask as %q", into.Password.Reveal())
	}
}

func TestLoggersRedact(t *testing.T) {
	text := secret.New(value)
	handlers := map[string]func(*bytes.Buffer, *slog.HandlerOptions) slog.Handler{
		"text": func(b *bytes.Buffer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(b, o) },
		"json": func(b *bytes.Buffer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(b, o) },
	}
	logs := map[string]func(*slog.Logger){
		"Attr":        func(l *slog.Logger) { l.Info("saved", "password", text) },
		"Pointer":     func(l *slog.Logger) { l.Info("saved", "password", &text) },
		"Group":       func(l *slog.Logger) { l.Info("saved", slog.Group("candidate", "password", text)) },
		"NestedGroup": func(l *slog.Logger) { l.Info("saved", slog.Group("a", slog.Group("b", "password", text))) },
		"With":        func(l *slog.Logger) { l.With("password", text).Info("saved") },
		"WithGroup":   func(l *slog.Logger) { l.WithGroup("candidate").Info("saved", "password", text) },
		"Struct":      func(l *slog.Logger) { l.Info("saved", "candidate", exported{text}) },
		"Slice":       func(l *slog.Logger) { l.Info("saved", "passwords", []secret.Text{text}) },
		"Map":         func(l *slog.Logger) { l.Info("saved", "passwords", map[string]secret.Text{"a": text}) },
		"Error":       func(l *slog.Logger) { l.Info("failed", "err", errors.Join(loginError{text})) },
	}
	for format, handler := range handlers {
		for name, log := range logs {
			t.Run(format+"/"+name, func(t *testing.T) {
				out := new(bytes.Buffer)
				log(slog.New(handler(out, nil)))
				if found := leaked(out.String()); found != "" {
					t.Errorf("the output shows the secret as %q: %s", found, out)
				}
				if !strings.Contains(out.String(), redacted) {
					t.Errorf("the output does not say that there is a secret: %s", out)
				}
			})
		}
		t.Run(format+"/Hidden", func(t *testing.T) {
			out := new(bytes.Buffer)
			slog.New(handler(out, nil)).Info("saved", "candidate", newHidden())
			if found := leaked(out.String()); found != "" {
				t.Errorf("the output shows the secret as %q: %s", found, out)
			}
		})
	}
}
