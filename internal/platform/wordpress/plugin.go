// Package wordpress contains the PHP sources of the WordPress plugin, and builds the files that sites install.
package wordpress

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed site-smtp.php uninstall.php readme.txt src/*.php
var sources embed.FS

const (
	loader = "site-smtp.php"
	// head is what every file of src begins with.
	head = "<?php\n\ndeclare( strict_types = 1 );\n\nnamespace SiteSMTP;\n"
	// begin and end are the lines of the loader around what finds the classes.
	begin, end = "// Classes: begin.\n", "// Classes: end.\n"
	// hidden and shown stand around what a PHP before 8 cannot parse: a must-use file that cannot be parsed takes the site down.
	hidden = `	// PHP 8 reads the next four lines as an attribute, with a comment in it, of a function that nothing calls. To an older PHP, # begins
	// a comment, and what the next line begins is a text that ends at the end of this file: it could not parse what is in there.
	#[Needs( /*
	<<<'PHP_8'
	*/ 'PHP 8' )]
	static function () {};

`
	shown = `	/* The end of that text:
PHP_8;
	# */
`
)

// Assets returns the plugin's files in a release, by name: the archive, the single file, and the checksums of both.
func Assets() (map[string][]byte, error) {
	archive, err := Zip()
	file, fileErr := File()
	if err := errors.Join(err, fileErr); err != nil {
		return nil, err
	}
	sums := fmt.Appendf(nil, "%x  site-smtp.php\n%x  site-smtp.zip\n", sha256.Sum256(file), sha256.Sum256(archive))
	return map[string][]byte{"site-smtp.zip": archive, "site-smtp.php": file, "site-smtp_SHA256SUMS": sums}, nil
}

// Zip returns the plugin as an archive for WordPress: a folder site-smtp with the sources and the texts for translators.
// The same sources give the same bytes.
func Zip() ([]byte, error) {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	add := func(name string, content []byte) error {
		file, err := w.CreateHeader(&zip.FileHeader{Name: path.Join("site-smtp", name), Method: zip.Deflate})
		if err != nil {
			return err
		}
		_, err = file.Write(content)
		return err
	}
	err := fs.WalkDir(sources, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := sources.ReadFile(name)
		if err != nil {
			return err
		}
		return add(name, content)
	})
	pot, potErr := Pot()
	err = errors.Join(err, potErr, add("languages/site-smtp.pot", pot), w.Close())
	return archive.Bytes(), err
}

// File returns the plugin as one file, for wp-content/mu-plugins. A class is declared when it is first used, as it is in the
// folder, so that PHPMailer is loaded only for mail, and so that the file does nothing if there is another copy of the plugin. Every PHP
// from 5.6 on parses the file as far as the guard of the loader.
func File() ([]byte, error) {
	text, err := sources.ReadFile(loader)
	if err != nil {
		return nil, err
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, found := strings.Cut(rest, end)
	if !ok || !found {
		return nil, errors.New(loader + " does not say where the classes go")
	}
	classes, err := classes()
	if err != nil {
		return nil, err
	}
	header, guard, ok := strings.Cut(strings.TrimPrefix(before, "<?php\n"), "*/\n")
	if !ok {
		return nil, errors.New(loader + " has no header")
	}
	return []byte("<?php\n" + header + "*/\n\ndeclare( strict_types = 1 );\n\nnamespace {\n" + guard + "}\n\n" +
		"namespace SiteSMTP {\n" + hidden + classes + "}\n\nnamespace {\n" + after + shown + "}\n"), nil
}

// classes returns PHP code with a function that declares each class when it is needed.
func classes() (string, error) {
	files, err := fs.Glob(sources, "src/*.php")
	if err != nil {
		return "", err
	}
	var all strings.Builder
	all.WriteString("\\spl_autoload_register(\n\tstatic function ( string $name ): void {\n\t\tswitch ( $name ) {\n")
	for _, file := range files {
		content, err := sources.ReadFile(file)
		if err != nil {
			return "", err
		}
		class, ok := strings.CutPrefix(string(content), head)
		if !ok {
			return "", errors.New(file + " does not begin as a class does")
		}
		name := strings.TrimSuffix(path.Base(file), ".php")
		all.WriteString("\n\t\t\tcase 'SiteSMTP\\\\" + name + "':\n" + class + "\t\t\t\tbreak;\n")
	}
	all.WriteString("\t\t}\n\t}\n);\n")
	return all.String(), nil
}
