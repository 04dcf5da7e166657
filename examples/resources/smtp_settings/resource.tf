variable "app_password" {
  type      = string
  sensitive = true
  ephemeral = true # stored neither in the plan nor in the state
}

resource "smtp_settings" "site" {
  preset              = "gmail" # sets host, port and encryption
  username            = "hello@client.example"
  password_wo         = var.app_password
  password_wo_version = 1 # bump whenever the password changes
  from_name           = "Client"
}
