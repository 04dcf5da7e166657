package wordpress_test

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/platform/siteadmin"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/wordpress"
)

func TestZip(t *testing.T) {
	made, err := wordpress.Zip()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := wordpress.Zip(); err != nil || !bytes.Equal(made, again) {
		t.Errorf("two builds differ: %v", err)
	}
	archive, err := zip.NewReader(bytes.NewReader(made), int64(len(made)))
	if err != nil {
		t.Fatal(err)
	}
	pot, err := wordpress.Pot()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := fs.ReadFile(archive, "site-smtp/languages/site-smtp.pot"); err != nil || !bytes.Equal(got, pot) {
		t.Errorf("the archive lacks the current translation template: %v", err)
	}
	classes, err := filepath.Glob("src/*.php")
	if err != nil || len(classes) == 0 {
		t.Fatal(classes, err)
	}
	for _, name := range append(classes, "site-smtp.php", "uninstall.php", "readme.txt") {
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := fs.ReadFile(archive, "site-smtp/"+name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s in the archive differs from the source: %v", name, err)
		}
	}
}

// Every text is where the template for translators says, and the template has the text of every call that translates.
func TestPot(t *testing.T) {
	pot, err := wordpress.Pot()
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]int{}
	entry := regexp.MustCompile(`(?m)^#: (.*)\n(?:#, php-format\n)?msgid "(.*)"\nmsgstr ""$`)
	for _, found := range entry.FindAllStringSubmatch(string(pot), -1) {
		for place := range strings.FieldsSeq(found[1]) {
			file, number, _ := strings.Cut(place, ":")
			if number != "" {
				calls[file]++
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text := string(source)
			if at, err := strconv.Atoi(number); err == nil {
				text = strings.Split(text, "\n")[at-1]
			}
			if !strings.Contains(text, found[2]) {
				t.Errorf("%s does not say %q", place, found[2])
			}
		}
	}
	sources, err := filepath.Glob("src/*.php")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(sources, "site-smtp.php") {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.Count(string(source), "__( "); calls[file] != want {
			t.Errorf("%s translates %d texts, but the template has %d", file, want, calls[file])
		}
	}
}

// The provider warns of a plugin that is older than the one beside it.
func TestVersion(t *testing.T) {
	for name, line := range map[string]string{
		"site-smtp.php": " * Version: " + siteadmin.WordPressPlugin + "\n", "readme.txt": "Stable tag: " + siteadmin.WordPressPlugin + "\n",
	} {
		text, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(text), line) {
			t.Errorf("%s lacks %q: %v", name, line, err)
		}
	}
	loader, err := os.ReadFile("site-smtp.php")
	if err != nil || !strings.Contains(string(loader), "define( 'SITE_SMTP_VERSION', '"+siteadmin.WordPressPlugin+"' );") {
		t.Errorf("the loader has a different version: %v", err)
	}
}

// WP-CLI shows a one-line comment unchanged, including its slashes.
func TestCommandsHaveDescriptions(t *testing.T) {
	text, err := os.ReadFile("src/Cli.php")
	if err != nil {
		t.Fatal(err)
	}
	described := regexp.MustCompile(`(?m)^\t?/\*\*\n(\t? \*.*\n)+\t?(public function|final class) `)
	if got, want := len(described.FindAll(text, -1)), strings.Count(string(text), "public function ")+1; got != want {
		t.Errorf("%d of %d commands have a comment that WP-CLI reads", got, want)
	}
}

func TestFile(t *testing.T) {
	made, err := wordpress.File()
	if err != nil {
		t.Fatal(err)
	}
	classes, err := filepath.Glob("src/*.php")
	if err != nil || len(classes) == 0 {
		t.Fatal(classes, err)
	}
	text := string(made)
	for _, name := range classes {
		class := strings.TrimSuffix(filepath.Base(name), ".php")
		if n := strings.Count(text, "final class "+class+" "); n != 1 {
			t.Errorf("class %s is in the file %d times, want once", class, n)
		}
	}
	if strings.Count(text, "<?php") != 2 { // the second is in the file that Plugin writes
		t.Error("the single file has more or fewer than two PHP opening tags")
	}
	// To a PHP before 8, all of it is one text, which the first line that begins with its name ends.
	ends := regexp.MustCompile(`(?m)^[ \t]*PHP_8\b`).FindAllStringIndex(text, -1)
	if begins := strings.Index(text, "<<<'PHP_8'\n"); begins < 0 || begins > strings.Index(text, "spl_autoload_register") || len(ends) != 1 || ends[0][0] < strings.Index(text, "function wp_mail(") {
		t.Errorf("an old PHP would parse syntax it does not know: the text begins at %d and ends at %v", begins, ends)
	}
	for _, line := range []string{"Plugin Name: Site SMTP", "Requires PHP: 8.1"} {
		if !strings.Contains(text, line) {
			t.Errorf("WordPress does not find %q", line)
		}
	}
}

// TestVersions makes sure that the version is the same wherever it has to be written.
func TestVersions(t *testing.T) {
	loader, err := os.ReadFile("site-smtp.php")
	if err != nil {
		t.Fatal(err)
	}
	_, version, _ := strings.Cut(string(loader), "Version: ")
	version, _, _ = strings.Cut(version, "\n")
	readme, err := os.ReadFile("readme.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(loader), "define( 'SITE_SMTP_VERSION', '"+version+"' );") || !strings.Contains(string(readme), "Stable tag: "+version+"\n") {
		t.Errorf("loader or readme has a version other than %s", version)
	}
}
