provider "smtp" {
  sites = {
    shop = { url = "{{.URL}}/client-a", token = var.site_tokens["shop"] }
    blog = { url = "{{.URL}}/client-b", token = var.site_tokens["blog"] }
  }
}

resource "smtp_settings" "shop" {
  host       = "127.0.0.1"
  port       = {{.Port}}
  encryption = "starttls"
}

resource "smtp_settings" "blog" {
  host       = "127.0.0.1"
  port       = {{.Port}}
  encryption = "starttls"
}
