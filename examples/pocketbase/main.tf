terraform {
  required_providers {
    smtp = { source = "sitemail/smtp" }
  }
}

variable "superuser_password" {
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
  url            = "https://api.client.example"
  platform       = "pocketbase"
  username       = "terraform@agency.example" # a dedicated superuser
  password       = var.superuser_password
  test_recipient = "ops@agency.example"
}

resource "smtp_settings" "app" {
  preset              = "gmail"
  username            = "hello@client.example"
  password_wo         = var.app_password
  password_wo_version = 1
  from_name           = "Client" # required by PocketBase

  test = {
    retry_for = "2m" # mail is disabled between retries
  }
}
