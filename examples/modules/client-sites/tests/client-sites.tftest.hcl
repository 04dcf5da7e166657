# Runs against sites that speak the site admin contract, such as the reference site:
#   terraform test -var site_url=… -var site_token_a=… …
variables {
  default_password = "" # no client uses it
  client_secret    = ""
  private_key      = ""
  refresh_tokens   = {}

  clients_csv = <<-CSV
    site,mailbox,name,reply_to,password_version,enabled,status
    client-a,hello@client.example,Client A,office@client.example,2,,
    client-b,hello@client.example,Client B,,,false,
    client-d,hello@client.example,Client D,,,,leaving
  CSV

  clients = {
    client-b = { name = "Client B, overridden" }
    client-c = { login = false, mailbox = "hello@client.example", enabled = false }
  }
}

run "applies_the_csv_and_the_overrides" {
  assert {
    condition     = keys(output.verified) == ["client-a"]
    error_message = "Only client-a is enabled, so only it was tested."
  }

  assert {
    condition     = output.off == ["client-b", "client-c"]
    error_message = "The CSV switches client-b off, and the map client-c."
  }

  assert {
    condition     = smtp_settings.client["client-b"].from_name == "Client B, overridden"
    error_message = "The map overrides the CSV."
  }

  assert {
    condition     = smtp_settings.client["client-a"].password_wo_version == "2"
    error_message = "The version of the password comes from the CSV."
  }
}

run "sets_where_replies_go" {
  assert {
    condition     = smtp_settings.client["client-a"].reply_to == "office@client.example" && smtp_settings.client["client-b"].reply_to == null
    error_message = "reply_to comes from the CSV, where it is set."
  }
}

run "enables_one_more" {
  variables {
    clients = {
      client-b = { name = "Client B, overridden", enabled = true }
      client-c = { login = false, mailbox = "hello@client.example", enabled = false }
    }
  }

  assert {
    condition     = keys(output.verified) == ["client-a", "client-b"]
    error_message = "client-b is enabled after a test of its own."
  }
}
