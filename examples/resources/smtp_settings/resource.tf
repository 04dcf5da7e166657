variable "app_password" {
  type      = string
  sensitive = true
  ephemeral = true # in no plan and no state
}

resource "smtp_settings" "site" {
  preset              = "gmail" # gives host, port and encryption
  username            = "hello@client.example"
  password_wo         = var.app_password
  password_wo_version = 1 # change it together with the password
  from_name           = "Client"
}
