site_secrets   = {}
mail_passwords = { client-b = "{{.Password}}", client-d = "{{.Password}}" }
relay_password = "{{.Password}}"
