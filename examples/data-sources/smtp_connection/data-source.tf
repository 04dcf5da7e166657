data "smtp_connection" "mail" {
  host       = "mail.client.example"
  port       = 587
  encryption = "starttls"
}

# Warns in every plan and apply while the server cannot be used, and in the last 21 days (504 hours) before its certificate expires.
check "submission_server" {
  assert {
    condition     = data.smtp_connection.mail.ok
    error_message = data.smtp_connection.mail.text
  }
  assert {
    condition     = try(timecmp(timeadd(plantimestamp(), "504h"), data.smtp_connection.mail.certificate.not_after) < 0, true)
    error_message = data.smtp_connection.mail.text
  }
}

# Stops the run instead of warning.
data "smtp_connection" "ses" {
  preset = "amazon-ses"
  region = "eu-west-1"

  lifecycle {
    postcondition {
      condition     = self.ok
      error_message = self.text
    }
  }
}
