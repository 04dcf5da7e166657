terraform {
  required_providers {
    smtp = { source = "sitemail/smtp" }
  }
}

# Not secret: one entry per client.
variable "clients" {
  type = map(object({
    url              = string
    mailbox          = string
    name             = string
    password_version = optional(number, 1)
  }))
}

# Secret, by the same keys; stored neither in the plan nor in the state.
variable "site_tokens" {
  type      = map(string)
  sensitive = true
  ephemeral = true
}

variable "app_passwords" {
  type      = map(string)
  sensitive = true
  ephemeral = true
}

provider "smtp" {
  test_recipient = "ops@agency.example"
  sites = {
    for key, client in var.clients : key => { url = client.url, token = lookup(var.site_tokens, key, null) }
  }
}

resource "smtp_settings" "client" {
  for_each = var.clients

  site                = each.key
  preset              = "gmail"
  username            = each.value.mailbox
  password_wo         = var.app_passwords[each.key]
  password_wo_version = each.value.password_version
  from_name           = each.value.name
}

output "verified_since" {
  value = { for key, client in smtp_settings.client : key => try(client.verification.tested_at, null) }
}
