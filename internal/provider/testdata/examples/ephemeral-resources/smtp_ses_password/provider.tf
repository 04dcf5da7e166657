provider "smtp" {
  url            = "{{.URL}}/only"
  token          = "{{index .Tokens "only"}}"
  test_recipient = "ops@agency.example"
}
