provider "smtp" {
  sites = {
    client-a = { url = "{{.URL}}/client-a", token = "{{index .Tokens "client-a"}}" }
    client-b = { url = "{{.URL}}/client-b", token = "{{index .Tokens "client-b"}}" }
    client-c = { url = "{{.URL}}/client-c", token = "{{index .Tokens "client-c"}}" }
    client-g = { url = "{{.URL}}/client-g", token = "{{index .Tokens "client-g"}}" }
    {{- with .Sites.wordpress}}
    client-d = { url = "{{.URL}}", platform = "wordpress", username = "{{.Username}}", password = "{{.Password}}" }
    {{- end}}
    {{- with .Sites.pocketbase}}
    client-e = { url = "{{.URL}}", platform = "pocketbase", username = "{{.Username}}", password = "{{.Password}}" }
    {{- end}}
    {{- with .Sites.listmonk}}
    client-f = { url = "{{.URL}}", platform = "listmonk", username = "{{.Username}}", password = "{{.Password}}" }
    {{- end}}
  }
}

module "mail" {
  source = "{{.Modules}}/client-sites"

  # The presets of the table, here.
  clients = {
    for site, client in local.clients : site => { host = "127.0.0.1", port = {{.Port}}, encryption = "starttls" } if client.preset != ""
  }

  defaults = {
    host       = "127.0.0.1"
    port       = {{.Port}}
    encryption = "starttls"
    username   = "sites@agency.example"
  }
}
