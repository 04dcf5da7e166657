terraform {
  required_providers {
    smtp = { source = "sitemail/smtp" }
  }
}

variable "site_token" {
  type      = string
  sensitive = true
  ephemeral = true
}

provider "smtp" {
  url            = "https://client.example" # its admin page is https://client.example/admin
  token          = var.site_token           # or SMTP_SITE_TOKEN
  test_recipient = "ops@agency.example"
}
