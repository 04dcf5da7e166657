data "smtp_settings" "site" {}

# With on_unreachable = "warn", enabled is null for a site that does not answer.
output "mail" {
  value = (
    data.smtp_settings.site.enabled == null ? "not known" :
    data.smtp_settings.site.enabled ? "sends as ${data.smtp_settings.site.from_address}" : "mail is off"
  )
}

# Warns in every plan while a site's mail is off.
check "mail_is_on" {
  assert {
    condition     = data.smtp_settings.site.enabled != false
    error_message = "The site sends no mail."
  }
}
