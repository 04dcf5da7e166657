package doctest

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// elsewhere are the URLs at which this repository and its documentation are published.
var elsewhere = []string{
	"https://github.com/sitemail/terraform-provider-smtp/tree/main/",
	"https://github.com/sitemail/terraform-provider-smtp/blob/main/",
	"https://registry.terraform.io/providers/sitemail/smtp/latest/",
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)|\]: (\S+)|<a href="([^"]+)"|<img src="([^"]+)"`)

// TestLinks follows every link that stays in this repository.
func TestLinks(t *testing.T) {
	for _, d := range documents(t) {
		for _, match := range link.FindAllStringSubmatch(d.prose(), -1) {
			target := strings.Join(match[1:], "")
			if problem := follow(t, d, target); problem != "" {
				t.Errorf("%s: %s %s", d.name, target, problem)
			}
		}
	}
}

func follow(t *testing.T, d document, target string) string {
	t.Helper()
	from := path.Dir(d.stands())
	for _, prefix := range elsewhere {
		if below, ok := strings.CutPrefix(target, prefix); ok {
			from, target = ".", below
		}
	}
	if strings.Contains(target, ":") || strings.Contains(target, "{{") {
		return "" // somewhere else
	}
	file, anchor, _ := strings.Cut(target, "#")
	name := d.stands()
	if file != "" {
		name = path.Join(from, file)
	}
	if strings.HasPrefix(name, "docs/") && path.Ext(name) == "" && exists(name+".md") {
		name += ".md" // as the registries name pages
	}
	switch {
	case !exists(name):
		return "leads nowhere"
	case anchor != "" && !slices.Contains(anchors(read(t, name)), anchor):
		return "leads to no such place in " + name
	}
	return ""
}

func exists(name string) bool {
	_, err := os.Stat(filepath.Join(root, name))
	return err == nil
}

var (
	headingLine = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	anchorTag   = regexp.MustCompile(`<a (?:id|name)="([^"]+)"`)
	noSlug      = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are the places in a document that can be linked to, named as GitHub and the registries do.
func anchors(d document) []string {
	var found []string
	for _, match := range headingLine.FindAllStringSubmatch(d.text, -1) {
		found = append(found, strings.ReplaceAll(noSlug.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-"))
	}
	for _, match := range anchorTag.FindAllStringSubmatch(d.text, -1) {
		found = append(found, match[1])
	}
	return found
}

// TestEveryGuideIsLinked checks that readers can find every guide.
func TestEveryGuideIsLinked(t *testing.T) {
	text := read(t, "README.md").text
	guides, err := filepath.Glob(filepath.Join(root, "docs", "guides", "*.md"))
	if err != nil || len(guides) == 0 {
		t.Fatal("found no guides:", err)
	}
	for _, guide := range guides {
		if name := "docs/guides/" + filepath.Base(guide); !strings.Contains(text, "("+name) {
			t.Errorf("README.md does not link to %s", name)
		}
	}
}
