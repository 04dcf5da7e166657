terraform {
  required_providers {
    smtp = { source = "sitemail/smtp" }
  }
}

provider "smtp" {
  url            = var.site # its API token is in SMTP_SITE_TOKEN
  test_recipient = "ops@agency.example"
}

resource "smtp_settings" "shop" {
  host       = "127.0.0.1"
  port       = var.mail_server_port
  encryption = "starttls"

  username            = "shop@client.example"
  password_wo         = var.mail_password
  password_wo_version = var.mail_password_version
  from_name           = "The Shop"
}

variable "site" { type = string }
variable "mail_server_port" { type = number }
variable "mail_password_version" { type = number }
variable "mail_password" {
  type      = string
  sensitive = true
  ephemeral = true # stored neither in the plan nor in the state
}
