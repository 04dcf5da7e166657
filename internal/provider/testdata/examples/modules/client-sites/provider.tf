provider "smtp" {
  test_recipient = "ops@agency.example"
  sites = {
    client-a = { url = "{{.URL}}/client-a", token = "{{index .Tokens "client-a"}}" }
    client-b = { url = "{{.URL}}/client-b", token = "{{index .Tokens "client-b"}}" }
    client-c = { url = "{{.URL}}/client-c", token = "{{index .Tokens "client-c"}}" }
  }
}
