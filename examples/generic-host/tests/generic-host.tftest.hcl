run "the_test_went_to_the_webmaster" {
  assert {
    condition     = smtp_settings.site.verification.recipient == "webmaster@client.example"
    error_message = "test.recipient comes before test_recipient of the provider."
  }
}
