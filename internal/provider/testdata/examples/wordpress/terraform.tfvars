application_password = "{{.Site.Password}}"
app_password         = "{{.Password}}"
