# All mail services of the catalogue, by ID.
data "smtp_presets" "all" {}

# The service that hosts a mailbox.
data "smtp_presets" "mailbox" {
  address = "hello@gmail.com"
}

output "gmail" {
  value = data.smtp_presets.all.presets["gmail"].host
}

output "preset_for_the_mailbox" {
  value = one(data.smtp_presets.mailbox.ids)
}

# Services that no longer accept passwords, or soon will not.
output "without_passwords" {
  value = [for p in data.smtp_presets.all.presets : p.name if contains(["oauth2-only", "deprecated-password"], p.auth_status)]
}
