api_token     = "{{.Site.Password}}"
mail_password = "{{.Password}}"
