# Every mail service that presets know, by id.
data "smtp_presets" "all" {}

# The one that holds a mailbox.
data "smtp_presets" "mailbox" {
  address = "hello@gmail.com"
}

output "gmail" {
  value = data.smtp_presets.all.presets["gmail"].host
}

output "preset_for_the_mailbox" {
  value = one(data.smtp_presets.mailbox.ids)
}

# Services at which a password no longer works, or soon will not.
output "without_passwords" {
  value = [for p in data.smtp_presets.all.presets : p.name if contains(["oauth2-only", "deprecated-password"], p.auth_status)]
}
