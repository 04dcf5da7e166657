variable "mailboxes" {
  type = map(string)
  default = {
    client-a = "client-a@gmail.com"
    client-b = "office@client-b.example"
  }
}

# Which preset each client gets: that of the mailbox's service, or Google Workspace where the domain is the client's own.
output "presets" {
  value = {
    for client, mailbox in var.mailboxes :
    client => coalesce(provider::smtp::preset_for(mailbox), provider::smtp::preset("google-workspace")).id
  }
}

# Where that is better left open.
output "password_pages" {
  value = {
    for client, mailbox in var.mailboxes :
    client => try(provider::smtp::preset_for(mailbox).app_password_url, "ask the client")
  }
}
