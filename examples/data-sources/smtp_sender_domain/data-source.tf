data "smtp_sender_domain" "client" {
  domain = "client.example"
  preset = "fastmail"
}

# Warns in every plan and apply while neither SPF nor DKIM covers the mail service, or while something else is wrong.
check "sender_domain" {
  assert {
    condition     = data.smtp_sender_domain.client.ok
    error_message = data.smtp_sender_domain.client.text
  }
}

# The records that the service wants, for the provider of your DNS, such as cloudflare/cloudflare 5:
#
# resource "cloudflare_dns_record" "dkim" {
#   for_each = data.smtp_sender_domain.client.expected_records
#
#   zone_id = var.zone_id
#   name    = each.value.name
#   type    = each.value.type
#   content = each.value.value
#   ttl     = 3600
#   proxied = false
# }
output "dkim_records" {
  value = data.smtp_sender_domain.client.expected_records
}

# Merge it into the one SPF record of the domain.
output "spf_term" {
  value = data.smtp_sender_domain.client.spf_term
}
