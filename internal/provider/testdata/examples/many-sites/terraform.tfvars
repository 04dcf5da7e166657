clients = {
  client-a = { url = "{{.URL}}/client-a", mailbox = "hello@client.example", name = "Client A" }
  client-b = { url = "{{.URL}}/client-b", mailbox = "hello@client.example", name = "Client B", password_version = 3 }
}
site_tokens = {
  client-a = "{{index .Tokens "client-a"}}"
  client-b = "{{index .Tokens "client-b"}}"
}
app_passwords = {
  client-a = "{{.Password}}"
  client-b = "{{.Password}}"
}
