# Sends a test of what the site has saved:
#   terraform apply -invoke=action.smtp_send_test.check
# Run it once a month, and an account that was locked or a password that expired is found before a customer finds it.
action "smtp_send_test" "check" {
  config {
    recipient = "ops@agency.example"
  }
}

# And whenever the sender's DNS records change, which decide where its mail is accepted.
resource "terraform_data" "spf" {
  input = "v=spf1 include:_spf.google.com -all"

  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.smtp_send_test.check]
    }
  }
}

# Tries other settings, which are not saved. Without a saved plan file, the password is stored nowhere:
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
