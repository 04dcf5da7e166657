output "verified" {
  value = {
    for site, s in smtp_settings.client : site => { tested_at = s.verification.tested_at, recipient = s.verification.recipient } if s.verification != null
  }
  description = "When the test of each site's settings passed, and its recipient, by site."
}

output "off" {
  value       = [for site, s in smtp_settings.client : site if !s.enabled]
  description = "Sites whose mail is off."

  precondition {
    condition     = length(local.problems) == 0
    error_message = "The table of clients cannot be used: ${join("; ", local.problems)}."
  }
}

output "servers" {
  value       = { for site, s in smtp_settings.client : site => "${s.host}:${s.port}" }
  description = "Mail server of each site."
}
