# What the sites themselves hold, including those that never passed a test and so are not in the state:
#   terraform apply -refresh-only -auto-approve -var report=true
variable "report" {
  type        = bool
  default     = false
  description = "Read every site once more, and report."
}

data "smtp_settings" "now" {
  for_each = var.report ? local.clients : {}

  site = each.key
}

locals {
  report = {
    for site, now in data.smtp_settings.now : site => {
      platform  = local.clients[site].platform
      server    = now.host == null ? "" : "${now.host}:${now.port}"
      enabled   = now.enabled # null for a site that does not answer
      tested_at = try(module.mail.verified[site].tested_at, "")
      recipient = try(module.mail.verified[site].recipient, "")
      finding = (
        now.enabled == null ? "does not answer" :
        local.clients[site].status == "leaving" ? (now.enabled ? "leaving, but still sends mail" : "") :
        now.host == null ? "not set up: its test failed or was never run" :
        now.enabled && !can(module.mail.verified[site]) ? "sends with untested settings" :
        now.enabled || local.clients[site].enabled == "false" ? "" : "off"
      )
    }
  }

  findings = [for site, row in local.report : "${site}: ${row.finding}" if row.finding != ""]

  columns = ["site", "platform", "server", "enabled", "tested_at", "recipient", "finding"]
}

check "every_client_sends" {
  assert {
    condition     = length(local.findings) == 0
    error_message = join("\n", local.findings)
  }
}

output "report" {
  value = local.report
}

output "report_csv" {
  value = join("\n", [
    for cells in concat([local.columns], [for site, row in local.report : [for column in local.columns : merge(row, { site = site })[column]]]) :
    join(",", [for cell in cells : cell == null ? "" : "\"${replace(cell, "\"", "\"\"")}\""])
  ])
}
