package main

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
)

//go:embed mail-services.md.tmpl
var mailServicesPage string

// chapter is the presets of a category.
type chapter struct {
	Title   string
	Presets []presets.Preset
}

// chapters has the categories in the order in which most readers look for one.
func chapters(all []presets.Preset) []chapter {
	titles := []struct {
		category presets.Category
		title    string
	}{
		{presets.Mailbox, "Mailboxes"},
		{presets.Transactional, "Services that send for programs"},
		{presets.Hosting, "Web hosts"},
		{presets.ISP, "Internet providers"},
		{presets.Local, "On your own machines"},
	}
	list := make([]chapter, len(titles))
	for i, t := range titles {
		list[i] = chapter{t.title, slices.DeleteFunc(slices.Clone(all), func(p presets.Preset) bool { return p.Category != t.category })}
	}
	return list
}

// mailServices lists the catalogue: what a preset fills in, and where its password comes from.
func mailServices(w io.Writer, all []presets.Preset) error {
	return execute(w, mailServicesPage, template.FuncMap{
		"service":  service,
		"server":   server,
		"password": password,
		"cell":     cell,
	}, map[string]any{"Count": len(all), "Chapters": chapters(all)})
}

func service(p presets.Preset) string { return linked(p.Name, p.DocsURL) }

func server(p presets.Preset) string {
	text := fmt.Sprintf("%#q %d %s", p.Host, p.Port, p.Encryption)
	if len(p.Regions) > 0 {
		text += "; regions " + strings.Join(p.RegionNames(), ", ")
	}
	return text
}

func password(p presets.Preset) string {
	text := linked(p.PasswordKind.Words(), p.AppPasswordURL)
	switch p.AuthStatus {
	case presets.OAuth2Only:
		return "**no longer accepted**: OAuth 2.0 only"
	case presets.DeprecatedPassword:
		return text + "; **ends soon**"
	}
	return text
}

func linked(text, url string) string {
	if url == "" {
		return cell(text)
	}
	return "[" + cell(text) + "](" + url + ")"
}

// cell makes text fit into a table, where a bar would end it.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
