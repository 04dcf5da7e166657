# Sends a test of what the site has saved:
#   terraform apply -invoke=action.smtp_send_test.check
# Run it monthly to find a locked account or an expired password before a customer does.
action "smtp_send_test" "check" {
  config {
    recipient = "ops@agency.example"
  }
}

# Also runs it whenever the sender's DNS records change, which decide where its mail is accepted.
resource "terraform_data" "spf" {
  input = "v=spf1 include:_spf.google.com -all"

  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.smtp_send_test.check]
    }
  }
}

# Tests other settings without saving them. Save no plan file: it would hold the password.
#   terraform apply -invoke=action.smtp_send_test.candidate
variable "candidate_password" {
  type      = string
  sensitive = true
}

action "smtp_send_test" "candidate" {
  config {
    preset      = "gmail"
    username    = "shop@agency.example"
    password_wo = var.candidate_password
  }
}
