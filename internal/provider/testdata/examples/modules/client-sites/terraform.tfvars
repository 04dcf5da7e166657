defaults = { host = "127.0.0.1", port = {{.Port}}, encryption = "starttls" }
passwords = {
  client-a = "{{.Password}}"
  client-b = "{{.Password}}"
}
clients = {
  client-a = { mailbox = "hello@client.example" }
}
