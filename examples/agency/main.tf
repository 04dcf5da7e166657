terraform {
  required_version = ">= 1.11"

  required_providers {
    smtp = { source = "sitemail/smtp" }
  }
}

# Credentials of each site's admin API: a token or, where the table names an admin, the password of that account. The keys
# are those of the table, because for_each keys must not be secret.
variable "site_secrets" {
  type      = map(string)
  sensitive = true
  ephemeral = true
}

# One per client with a mailbox of its own.
variable "mail_passwords" {
  type      = map(string)
  sensitive = true
  ephemeral = true
}

variable "relay_password" {
  type      = string
  sensitive = true
  ephemeral = true
}

locals {
  clients = { for line in csvdecode(file("${path.module}/clients.csv")) : line.site => line }
}

provider "smtp" {
  test_recipient = "ops@agency.example"
  on_unreachable = "warn" # one dead site does not stop the plan of all others

  sites = {
    for site, client in local.clients : site => {
      url      = client.url
      platform = client.platform
      token    = client.admin == "" ? lookup(var.site_secrets, site, null) : null
      username = client.admin == "" ? null : client.admin
      password = client.admin == "" ? null : lookup(var.site_secrets, site, null)
    }
  }
}

module "mail" {
  source = "../modules/client-sites"

  clients_csv = file("${path.module}/clients.csv")
  passwords   = var.mail_passwords

  # The agency's relay, for every client without a preset or a host of its own.
  defaults = {
    host       = "relay.agency.example"
    port       = 587
    encryption = "starttls"
    username   = "sites@agency.example"
  }
  default_password         = var.relay_password
  default_password_version = 1
}

output "verified" {
  description = "When the test of each client passed, and its recipient."
  value       = module.mail.verified
}

output "off" {
  description = "Clients whose mail is off."
  value       = module.mail.off
}
