terraform {
  required_providers {
    smtp = { source = "sitemail/smtp" }
  }
}

variable "application_password" {
  type      = string
  sensitive = true
  ephemeral = true
}

variable "app_password" {
  type      = string
  sensitive = true
  ephemeral = true
}

provider "smtp" {
  url            = "https://client.example"
  platform       = "wordpress"
  username       = "terraform" # a user with the capability manage_site_smtp
  password       = var.application_password
  test_recipient = "ops@agency.example"
}

resource "smtp_settings" "site" {
  preset              = "gmail"
  username            = "hello@client.example"
  password_wo         = var.app_password
  password_wo_version = 1
  from_name           = "Client"
}
