terraform {
  required_providers {
    smtp = { source = "sitemail/smtp" }
  }
}

provider "smtp" {
  url            = var.site # its API token is in SMTP_SITE_TOKEN
  test_recipient = "ops@agency.example"

  test_inbox = { # its password is in SMTP_TEST_INBOX_PASSWORD
    host           = "localhost"
    port           = var.inbox_port
    authserv_id    = "mx.agency.example"
    ca_certificate = var.inbox_authority
  }
}

resource "smtp_settings" "shop" {
  host       = "127.0.0.1"
  port       = var.mail_server_port
  encryption = "starttls"

  username            = "shop@client.example"
  password_wo         = var.mail_password
  password_wo_version = 1
  from_address        = "shop@client.example"

  test = { require = "authenticated" } # in the inbox, and DMARC passes
}

output "arrival" {
  value = smtp_settings.shop.verification.arrival
}

variable "site" { type = string }
variable "mail_server_port" { type = number }
variable "inbox_port" { type = number }
variable "inbox_authority" { type = string }
variable "mail_password" {
  type      = string
  sensitive = true
  ephemeral = true # stored neither in the plan nor in the state
}
