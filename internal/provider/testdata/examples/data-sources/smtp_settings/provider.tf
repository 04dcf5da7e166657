provider "smtp" {
  url   = "{{.URL}}/only"
  token = "{{index .Tokens "only"}}"
}
