provider "smtp" {
  url      = "{{.Site.URL}}"
  username = "{{.Site.Username}}"
}

resource "smtp_settings" "site" {
  host       = "127.0.0.1"
  port       = {{.Port}}
  encryption = "starttls"
}
