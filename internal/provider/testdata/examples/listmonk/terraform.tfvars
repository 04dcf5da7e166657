api_token     = "{{.Sites.listmonk.Password}}"
mail_password = "{{.Password}}"
