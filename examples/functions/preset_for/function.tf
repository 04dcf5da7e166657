variable "mailboxes" {
  type = map(string)
  default = {
    client-a = "client-a@gmail.com"
    client-b = "office@client-b.example"
  }
}

# The preset of each client: that of the mailbox's service, or Google Workspace for the client's own domain.
output "presets" {
  value = {
    for client, mailbox in var.mailboxes :
    client => coalesce(provider::smtp::preset_for(mailbox), provider::smtp::preset("google-workspace")).id
  }
}

# Where each client creates the password, if that is known.
output "password_pages" {
  value = {
    for client, mailbox in var.mailboxes :
    client => try(provider::smtp::preset_for(mailbox).app_password_url, "ask the client")
  }
}
