data "smtp_sender_domain" "client" {
  nameserver = "{{.Nameserver}}"
}
