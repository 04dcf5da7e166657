app_password = "{{.Password}}"
