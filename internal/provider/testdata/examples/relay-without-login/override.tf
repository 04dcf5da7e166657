provider "smtp" {
  url   = "{{.URL}}/only"
  token = "{{index .Tokens "only"}}"
}

resource "smtp_settings" "site" {
  host = "127.0.0.1"
  port = {{.Port}}
}
