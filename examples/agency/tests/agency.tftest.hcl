run "enables_every_client_that_is_to_send" {
  assert {
    condition     = toset(keys(output.verified)) == toset([for site, client in local.clients : site if client.status != "leaving" && client.enabled != "false"])
    error_message = "A client was not verified, or one that is off or leaves was."
  }

  assert {
    condition     = output.off == [for site, client in local.clients : site if client.enabled == "false"]
    error_message = "Mail is off where the table does not say so."
  }
}

run "reports_what_the_sites_hold" {
  variables {
    report = true
  }

  plan_options {
    mode = refresh-only
  }

  assert {
    condition     = keys(output.report) == keys(local.clients) && length(local.findings) == 0
    error_message = "A client is missing in the report, or was found wanting."
  }

  assert {
    condition     = length(csvdecode(output.report_csv)) == length(local.clients)
    error_message = "The report cannot be read as CSV."
  }
}
