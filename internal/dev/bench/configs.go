package main

const variables = `
variable "clients" { type = map(object({ url = string })) }
variable "host" { type = string }
variable "port" { type = number }
variable "tokens" {
  type      = map(string)
  sensitive = true
  ephemeral = true
}
variable "password" {
  type      = string
  sensitive = true
  ephemeral = true
}
`

// smtpConfig is what users of the provider write.
const smtpConfig = `
terraform {
  required_providers {
    smtp = { source = "sitemail/smtp" }
  }
}
` + variables + `
provider "smtp" {
  test_recipient = "ops@example.test"
  sites          = { for key, client in var.clients : key => { url = client.url, token = var.tokens[key] } }
}

resource "smtp_settings" "client" {
  for_each = var.clients

  site                = each.key
  host                = var.host
  port                = var.port
  encryption          = "none"
  username            = "` + mailbox + `"
  password_wo         = var.password
  password_wo_version = 1
  from_name           = "Client"
}
`

// dataConfig stores as much in the CLI's own terraform_data resources.
const dataConfig = variables + `
resource "terraform_data" "client" {
  for_each = var.clients

  input = {
    site      = each.key
    host      = var.host
    port      = var.port
    username  = "` + mailbox + `"
    from_name = "Client"
  }
}
`

// curlConfig sends the same requests as people would without a provider. It cannot tell success from failure.
const curlConfig = `
variable "clients" { type = map(object({ url = string })) }
variable "host" { type = string }
variable "port" { type = number }
variable "tokens" { type = map(string) }
variable "password" { type = string }

resource "terraform_data" "client" {
  for_each = var.clients

  input = {
    api   = "${each.value.url}/admin/api/v1/smtp"
    token = var.tokens[each.key]
    settings = jsonencode({
      host = var.host, port = var.port, encryption = "none", username = "` + mailbox + `"
      from_address = "` + mailbox + `", from_name = "Client", helo_name = ""
    })
    password = var.password
  }
  triggers_replace = [var.host]

  provisioner "local-exec" {
    quiet   = true
    command = <<-SH
      set -e
      call() { curl -sS -o /dev/null -H "Authorization: Bearer ${self.input.token}" -H 'Content-Type: application/json' "$@"; }
      etag=$(curl -sS -o /dev/null -D - -H "Authorization: Bearer ${self.input.token}" '${self.input.api}' | tr -d '\r' | sed -n 's/^Etag: //Ip')
      key=$(cat /proc/sys/kernel/random/uuid)
      call -X PUT "${self.input.api}/tests/$key" -d '{"settings":${self.input.settings},"password":"${self.input.password}","recipient":"ops@example.test"}'
      call -X PUT '${self.input.api}' -H "If-Match: $etag" -d "{\"write_id\":\"$key\",\"enabled\":true,\"password\":\"${self.input.password}\",\"settings\":$(printf %s '${self.input.settings}')}"
    SH
  }
}
`
