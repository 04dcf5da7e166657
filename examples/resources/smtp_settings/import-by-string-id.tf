import {
  to = smtp_settings.site
  id = "default" # the site's key in the provider's sites, or "default" where it has only one
}
