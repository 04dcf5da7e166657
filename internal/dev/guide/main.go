// Guide prints a documentation page that is made of the provider's own tables: failed-tests or mail-services.
package main

import (
	"fmt"
	"io"
	"os"
	"text/template"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
)

func main() {
	if err := run(os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "guide:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, args []string) error {
	if len(args) == 1 {
		switch args[0] {
		case "failed-tests":
			return failedTests(w, diagnosis.Rows())
		case "mail-services":
			return mailServices(w, presets.All())
		}
	}
	return fmt.Errorf("want failed-tests or mail-services, got %q", args)
}

func execute(w io.Writer, page string, functions template.FuncMap, data any) error {
	t, err := template.New("").Funcs(functions).Parse(page)
	if err != nil {
		return err
	}
	return t.Execute(w, data)
}
