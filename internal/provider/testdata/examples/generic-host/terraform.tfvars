mail_password = "{{.Password}}"
