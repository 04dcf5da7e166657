provider "smtp" {
  url      = "{{.Sites.listmonk.URL}}"
  username = "{{.Sites.listmonk.Username}}"
}

resource "smtp_settings" "newsletter" {
  host = "127.0.0.1"
  port = {{.Port}}
}
