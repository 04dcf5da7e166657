provider "smtp" {
  url      = "{{.Sites.wordpress.URL}}"
  username = "{{.Sites.wordpress.Username}}"
}

resource "smtp_settings" "site" {
  host       = "127.0.0.1"
  port       = {{.Port}}
  encryption = "starttls"
}
