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

  username  = "shop@client.example" # the mailbox
  from_name = "The Shop"

  oauth2 = { # at Microsoft 365, tenant replaces token_url and scopes
    token_url                = var.token_url
    scopes                   = ["https://mail.example.test/.default"]
    client_id                = "shop-mail"
    client_secret_wo         = var.client_secret
    client_secret_wo_version = var.client_secret_version
  }
}

variable "site" { type = string }
variable "mail_server_port" { type = number }
variable "token_url" { type = string }
variable "client_secret_version" { type = number }
variable "client_secret" {
  type      = string
  sensitive = true
  ephemeral = true # stored neither in the plan nor in the state
}
