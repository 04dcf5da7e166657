locals {
  ses = provider::smtp::preset("amazon-ses", "eu-west-1")
}

output "submission_server" {
  value = "${local.ses.host}:${local.ses.port}, encryption ${local.ses.encryption}"
}

# For the person who creates the password.
output "app_password" {
  value = "Create an app password at ${provider::smtp::preset("gmail").app_password_url}"
}
