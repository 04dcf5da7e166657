terraform {
  required_version = ">= 1.11"

  required_providers {
    smtp = { source = "sitemail/smtp" }
  }
}
