# The access key of an IAM user who may send mail.
variable "access_key_id" {
  type = string
}

variable "secret_access_key" {
  type      = string
  sensitive = true
  ephemeral = true # stored neither in the plan nor in the state
}

ephemeral "smtp_ses_password" "site" {
  secret_access_key = var.secret_access_key
  region            = "eu-west-1"
}

resource "smtp_settings" "site" {
  preset              = "amazon-ses"
  region              = "eu-west-1"
  username            = var.access_key_id
  password_wo         = ephemeral.smtp_ses_password.site.password
  password_wo_version = 1 # bump whenever the access key changes
  from_address        = "hello@client.example"
}
