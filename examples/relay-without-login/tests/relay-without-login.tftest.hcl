run "no_password_is_set" {
  assert {
    condition     = smtp_settings.site.enabled && !smtp_settings.site.password_set
    error_message = "A relay without login needs no password to be enabled."
  }
}
