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

# By hand: a new password comes with a new version.
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

# By itself: the password is made anew in each run and never stored, and its version follows the id of the key it is made
# of, which is no secret. Terraform cannot see that an ephemeral value changes; it sees that the id does.
variable "iam_key_id" {
  type        = string
  description = "Id of the IAM access key; in a plan that makes the key, aws_iam_access_key.mail.id."
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
    retry_for = "10m" # a key that was just made is not known everywhere at once
  }
}
