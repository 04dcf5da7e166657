site_token = "{{index .Tokens "only"}}"
