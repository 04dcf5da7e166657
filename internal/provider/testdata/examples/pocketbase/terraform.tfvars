superuser_password = "{{.Sites.pocketbase.Password}}"
app_password       = "{{.Password}}"
