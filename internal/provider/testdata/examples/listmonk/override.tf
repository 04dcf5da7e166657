provider "smtp" {
  url      = "{{.Site.URL}}"
  username = "{{.Site.Username}}"
}

resource "smtp_settings" "newsletter" {
  host = "127.0.0.1"
  port = {{.Port}}
}
