application_password = "{{.Sites.wordpress.Password}}"
app_password         = "{{.Password}}"
