package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"time"
)

//go:embed assets templates
var files embed.FS

// assets are the files that browsers fetch, with their media types.
var assets = map[string]string{
	"style.css": "text/css; charset=utf-8",
	"page.js":   "text/javascript; charset=utf-8",
}

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"asset": func(name string) string { return name + "?" + digest(name) },
	"when":  when,
	"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
}).ParseFS(files, "templates/*.html"))

// when formats a time for people.
func when(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

// digest changes with the asset's content, so that browsers may cache the asset forever.
func digest(name string) string {
	sum := sha256.Sum256(content(name))
	return hex.EncodeToString(sum[:6])
}

func content(name string) []byte {
	data, err := files.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // compiled in
	}
	return data
}

func serveAsset(name string) http.Handler {
	data := content(name)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", assets[name])
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		_, _ = w.Write(data) // fails only if the client has disconnected
	})
}

// render responds with a template. It executes the template first, so that a failure, which can only be a bug, sends no partial page.
func render(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := templates.ExecuteTemplate(&page, name, data); err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // fails only if the client has disconnected
}
