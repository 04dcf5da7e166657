resource "smtp_settings" "client" {
  host       = "127.0.0.1"
  port       = {{.Port}}
  encryption = "starttls"
}
