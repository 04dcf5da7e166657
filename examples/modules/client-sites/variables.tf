variable "clients_csv" {
  type        = string
  default     = ""
  description = "Clients as CSV, with a header. Columns: site (key in the provider's sites), mailbox, and any of the attributes of clients; status, where \"leaving\" takes the client out. An empty cell is as good as none, and other columns are for others."
}

variable "clients" {
  type = map(object({
    mailbox          = optional(string)
    name             = optional(string)
    preset           = optional(string)
    region           = optional(string)
    host             = optional(string)
    port             = optional(number)
    encryption       = optional(string)
    login            = optional(bool)
    username         = optional(string)
    from_address     = optional(string)
    reply_to         = optional(string)
    helo_name        = optional(string)
    recipient        = optional(string)
    password_version = optional(string)
    enabled          = optional(bool)
    on_destroy       = optional(string)
  }))
  default     = {}
  description = "Clients by their key in the provider's sites. What is set here overrides the line of the CSV with the same key."
}

variable "defaults" {
  type = object({
    preset     = optional(string)
    region     = optional(string)
    host       = optional(string)
    port       = optional(number)
    encryption = optional(string)
    username   = optional(string)
  })
  default     = { preset = "gmail" }
  description = "Where clients that name neither a preset nor a host send. With a username they all log in with it and default_password, as to a relay; without one each with its own mailbox."
}

variable "passwords" {
  type        = map(string)
  default     = {}
  sensitive   = true
  ephemeral   = true
  description = "Mail passwords by the same keys; in no plan and no state. Clients with login = false have none, nor have those that use the default username."
}

variable "default_password" {
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
  description = "Password of the default username."
}

variable "default_password_version" {
  type        = string
  default     = "1"
  description = "Change it together with a new default_password."
}

variable "retry_for" {
  type        = string
  default     = null
  description = "How long to repeat a test whose failure can heal by itself, such as \"5m\"."
}
