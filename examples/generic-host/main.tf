terraform {
  required_providers {
    smtp = { source = "sitemail/smtp" }
  }
}

provider "smtp" {
  url            = "https://client.example" # its API token is in SMTP_SITE_TOKEN
  test_recipient = "ops@agency.example"
}

variable "mail_password" {
  type      = string
  sensitive = true
  ephemeral = true
}

resource "smtp_settings" "site" {
  host       = "mail.client.example"
  port       = 587
  encryption = "starttls" # required: a server that does not offer it is refused

  username            = "website"
  password_wo         = var.mail_password
  password_wo_version = 1

  from_address = "hello@client.example" # the username is not an email address
  from_name    = "Client"
  helo_name    = "client.example"

  test = {
    recipient = "webmaster@client.example"
    retry_for = "5m" # greylisting is temporary
  }

  on_destroy = "clear"
}
