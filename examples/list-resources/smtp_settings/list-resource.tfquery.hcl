# Every configured site that sends mail already:
#   terraform query -generate-config-out=adopted.tf
list "smtp_settings" "sending" {
  provider         = smtp
  include_resource = true
  limit            = 1000 # the default is 100

  config {
    enabled = true
  }
}
