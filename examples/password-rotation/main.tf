terraform {
  required_providers {
    smtp = { source = "sitemail/smtp" }
  }
}

provider "smtp" {
  test_recipient = "ops@agency.example"
  sites = {
    shop = { url = "https://shop.example", token = var.site_tokens["shop"] }
    blog = { url = "https://blog.example", token = var.site_tokens["blog"] }
  }
}

variable "site_tokens" {
  type      = map(string)
  sensitive = true
  ephemeral = true
}

# By hand: bump the version whenever the password changes.
variable "app_password" {
  type      = string
  sensitive = true
  ephemeral = true
}

variable "app_password_version" {
  type    = number
  default = 1
}

resource "smtp_settings" "shop" {
  site                = "shop"
  preset              = "gmail"
  username            = "shop@client.example"
  password_wo         = var.app_password
  password_wo_version = var.app_password_version
}

# Automatically: the password is derived in every run and never stored. Its version follows the ID of the access key, which
# is not secret: Terraform cannot see that an ephemeral value changes, but it sees that the ID does.
variable "iam_key_id" {
  type        = string
  description = "ID of the IAM access key; in a configuration that creates the key, aws_iam_access_key.mail.id."
}

variable "iam_secret_key" {
  type      = string
  sensitive = true
  ephemeral = true
}

ephemeral "smtp_ses_password" "blog" {
  secret_access_key = var.iam_secret_key
  region            = "eu-west-1"
}

resource "smtp_settings" "blog" {
  site                = "blog"
  preset              = "amazon-ses"
  region              = "eu-west-1"
  username            = var.iam_key_id
  password_wo         = ephemeral.smtp_ses_password.blog.password
  password_wo_version = parseint(substr(sha256(var.iam_key_id), 0, 8), 16)
  from_address        = "blog@client.example"

  test = {
    retry_for = "10m" # a new key takes a while to propagate
  }
}
