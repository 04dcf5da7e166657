import {
  to = smtp_settings.site
  identity = {
    site = "default"
    # site_id = "…"  # when given, no other site is imported
  }
}
