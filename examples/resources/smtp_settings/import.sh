# The id is the site's key in the provider's sites, or "default" where the provider has only one.
terraform import smtp_settings.site default
