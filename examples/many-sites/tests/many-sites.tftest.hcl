run "every_client_is_verified" {
  assert {
    condition     = toset(keys(output.verified_since)) == toset(keys(var.clients))
    error_message = "A client has no verification."
  }

  assert {
    condition     = alltrue([for client in smtp_settings.client : client.enabled])
    error_message = "A client is not enabled."
  }
}
