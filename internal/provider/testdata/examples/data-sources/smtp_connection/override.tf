data "smtp_connection" "mail" {
  host           = "127.0.0.1"
  port           = {{.Port}}
  ca_certificate = <<-PEM
{{.CA}}PEM
}

data "smtp_connection" "ses" {
  host           = "127.0.0.1"
  port           = {{.Port}}
  encryption     = "starttls"
  ca_certificate = <<-PEM
{{.CA}}PEM
}
