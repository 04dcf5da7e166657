terraform {
  required_providers {
    smtp = { source = "sitemail/smtp" }
  }
}

provider "smtp" {
  url            = "https://client.example" # its API token is in SMTP_SITE_TOKEN
  test_recipient = "ops@agency.example"
}

# A relay that recognizes the site by its IP address needs neither username nor password.
resource "smtp_settings" "site" {
  host         = "relay.internal.example"
  port         = 25
  encryption   = "none"
  from_address = "hello@client.example"
}
