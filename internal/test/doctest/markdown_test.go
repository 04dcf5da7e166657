package doctest

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the folder of this module.
const root = "../../.."

// document is a Markdown file.
type document struct {
	// name is its path from the root.
	name string
	text string
}

// documents returns all documents that people read, including templates.
func documents(t *testing.T) []document {
	t.Helper()
	var all []document
	tree := os.DirFS(root)
	for _, top := range []string{".", "templates", "docs", "examples", ".github"} {
		if !exists(top) {
			continue
		}
		err := fs.WalkDir(tree, top, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && top == "." && name != ".":
				return fs.SkipDir
			case entry.IsDir() || !strings.HasSuffix(strings.TrimSuffix(name, ".tmpl"), ".md"):
				return nil
			}
			all = append(all, read(t, name))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func read(t *testing.T, name string) document {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return document{name, string(text)}
}

// stands returns the path at which readers see the document, or what is generated from it.
func (d document) stands() string {
	if below, ok := strings.CutPrefix(d.name, "templates/"); ok {
		return path.Join("docs", strings.TrimSuffix(below, ".tmpl"))
	}
	return d.name
}

// block is one fenced block.
type block struct {
	// line is its first line; lang and arg come from its fence: "sh background" is lang sh with arg background.
	line      int
	lang, arg string
	text      string
	// note is the HTML comment on the line above, or "".
	note string
	// heading is the nearest heading above it.
	heading string
}

var (
	fence   = regexp.MustCompile("^( *)(```+)\\s*(\\S*) *(.*)$")
	comment = regexp.MustCompile(`^\s*<!--\s*(.*?)\s*-->\s*$`)
)

// blocks returns the fenced blocks, without the indentation of their fences.
func (d document) blocks(t *testing.T) []block {
	t.Helper()
	var found []block
	var open *block
	var indent, ticks, above, heading string
	for n, line := range strings.Split(d.text, "\n") {
		match := fence.FindStringSubmatch(line)
		switch {
		case open == nil && match != nil:
			indent, ticks = match[1], match[2]
			open = &block{line: n + 1, lang: match[3], arg: match[4], heading: heading}
			if noted := comment.FindStringSubmatch(above); noted != nil {
				open.note = noted[1]
			}
		case open != nil && match != nil && match[2] == ticks && match[3] == "":
			found = append(found, *open)
			open = nil
		case open != nil:
			open.text += strings.TrimPrefix(line, indent) + "\n"
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
		if strings.TrimSpace(line) != "" {
			above = line
		}
	}
	if open != nil {
		t.Errorf("%s:%d: the code block is not closed", d.name, open.line)
	}
	return found
}

// prose is the document without its fenced blocks and its code spans.
func (d document) prose() string {
	var b strings.Builder
	inside := false
	for line := range strings.Lines(d.text) {
		if fence.MatchString(strings.TrimSuffix(line, "\n")) {
			inside = !inside
		} else if !inside {
			b.WriteString(line)
		}
	}
	return regexp.MustCompile("`[^`]*`").ReplaceAllString(b.String(), "``")
}

func TestBlocksAreFound(t *testing.T) {
	d := document{"x.md", "# A\n\n<!-- note -->\n```sh background\na\n```\n\n1. b\n\n   ```hcl\n   c\n     d\n   ```\n"}
	got := d.blocks(t)
	want := []block{{4, "sh", "background", "a\n", "note", "A"}, {10, "hcl", "", "c\n  d\n", "", "A"}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
