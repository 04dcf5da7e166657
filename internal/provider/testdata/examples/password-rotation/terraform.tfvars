site_tokens    = { shop = "{{index .Tokens "client-a"}}", blog = "{{index .Tokens "client-b"}}" }
app_password   = "{{.Password}}"
iam_key_id     = "{{.AccessKeyID}}"
iam_secret_key = "{{.SecretAccessKey}}"
