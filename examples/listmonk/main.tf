terraform {
  required_providers {
    smtp = { source = "sitemail/smtp" }
  }
}

variable "api_token" {
  type      = string
  sensitive = true
  ephemeral = true
}

variable "mail_password" {
  type      = string
  sensitive = true
  ephemeral = true
}

provider "smtp" {
  url            = "https://lists.client.example"
  platform       = "listmonk"
  username       = "terraform" # an API user, and its token
  password       = var.api_token
  test_recipient = "ops@agency.example"
}

resource "smtp_settings" "newsletter" {
  host       = "mail.client.example"
  port       = 587
  encryption = "starttls"

  username            = "website"
  password_wo         = var.mail_password
  password_wo_version = 1

  from_address = "newsletter@client.example"
  from_name    = "Client"

  on_destroy = "keep" # listmonk requires an enabled server
}
