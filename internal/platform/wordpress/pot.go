package wordpress

import (
	"bytes"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

var (
	// translated matches a call that translates a text, with the note for translators above it, if any; anyTranslated matches the end of every
	// such call.
	translated    = regexp.MustCompile(`(?:/\* (translators: [^\n]*) \*/\n[^\n]*?)?\b(?:esc_html)?__\( '((?:[^'\\]|\\['\\])*)', 'site-smtp' \)`)
	anyTranslated = regexp.MustCompile(`'site-smtp' \)`)
	// header is what WordPress shows of the head of a plugin.
	header = regexp.MustCompile(`(?m)^ \* (Plugin Name|Description): (.*)$`)
)

// message is a text of the plugin, for translators.
type message struct {
	text, note string
	// places are where it is: file, and line unless it is of the head.
	places []string
}

// Pot returns the texts of the plugin as a gettext template for translators: in the order of the sources, each text once.
func Pot() ([]byte, error) {
	files, err := fs.Glob(sources, "src/*.php")
	if err != nil {
		return nil, err
	}
	var all []*message
	known := map[string]*message{}
	add := func(text, note, place string) {
		m := known[text]
		if m == nil {
			m = &message{text: text, note: note}
			known[text], all = m, append(all, m)
		}
		m.places = append(m.places, place)
	}
	for _, file := range append([]string{loader}, files...) {
		content, err := sources.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if file == loader {
			for _, line := range header.FindAllSubmatch(content, -1) {
				add(string(line[2]), string(line[1])+" of the plugin", file)
			}
		}
		calls := translated.FindAllSubmatchIndex(content, -1)
		if len(calls) != len(anyTranslated.FindAll(content, -1)) {
			return nil, fmt.Errorf("%s: a translated text is not in the form that this package reads", file)
		}
		for _, at := range calls {
			note := ""
			if at[2] >= 0 {
				note = string(content[at[2]:at[3]])
			}
			text := strings.NewReplacer(`\'`, `'`, `\\`, `\`).Replace(string(content[at[4]:at[5]]))
			add(text, note, fmt.Sprintf("%s:%d", file, 1+bytes.Count(content[:at[4]], []byte("\n"))))
		}
	}
	return template(all), nil
}

func template(all []*message) []byte {
	var pot bytes.Buffer
	pot.WriteString(`# The texts of Site SMTP, for translators. Distributed under the MPL-2.0, as the plugin is.
msgid ""
msgstr ""
"Project-Id-Version: Site SMTP\n"
"Report-Msgid-Bugs-To: https://github.com/sitemail/terraform-provider-smtp/issues\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=UTF-8\n"
"Content-Transfer-Encoding: 8bit\n"
"X-Domain: site-smtp\n"
`)
	for _, m := range all {
		pot.WriteByte('\n')
		if m.note != "" {
			fmt.Fprintf(&pot, "#. %s\n", m.note)
		}
		fmt.Fprintf(&pot, "#: %s\n", strings.Join(m.places, " "))
		if strings.Contains(m.text, "%") {
			pot.WriteString("#, php-format\n")
		}
		fmt.Fprintf(&pot, "msgid \"%s\"\nmsgstr \"\"\n", strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(m.text))
	}
	return pot.Bytes()
}
