provider "smtp" {
  url      = "{{.Sites.pocketbase.URL}}"
  username = "{{.Sites.pocketbase.Username}}"
}

resource "smtp_settings" "app" {
  host       = "127.0.0.1"
  port       = {{.Port}}
  encryption = "starttls"
}
