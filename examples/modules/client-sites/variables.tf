variable "clients_csv" {
  type        = string
  default     = ""
  description = "Clients as CSV with a header. Columns: site (key in the provider's sites), mailbox, any attribute of clients, and status, where \"leaving\" removes the client. Empty cells count as unset, and other columns are ignored."
}

variable "clients" {
  type = map(object({
    mailbox               = optional(string)
    name                  = optional(string)
    preset                = optional(string)
    region                = optional(string)
    host                  = optional(string)
    port                  = optional(number)
    encryption            = optional(string)
    login                 = optional(bool)
    oauth2                = optional(bool)
    tenant                = optional(string)
    username              = optional(string)
    from_address          = optional(string)
    reply_to              = optional(string)
    helo_name             = optional(string)
    recipient             = optional(string)
    password_version      = optional(string)
    refresh_token_version = optional(string)
    enabled               = optional(bool)
    on_destroy            = optional(string)
  }))
  default     = {}
  description = "Clients by their key in the provider's sites. Values set here override the CSV line with the same key."
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
  description = "Mail server of the clients without a preset or a host of their own. With a username, they all log in with it and default_password, as to a relay; without one, each logs in with its own mailbox."
}

variable "passwords" {
  type        = map(string)
  default     = {}
  sensitive   = true
  ephemeral   = true
  description = "Mail passwords by the same keys; stored neither in the plan nor in the state. Not needed for clients with login = false or with the default username."
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
  description = "Any text, to be changed whenever default_password changes."
}

variable "oauth2" {
  type = object({
    grant                 = optional(string, "client_credentials")
    client_id             = string
    tenant                = optional(string)
    token_url             = optional(string)
    scopes                = optional(set(string))
    client_secret_version = optional(string, "1") # changes whenever client_secret changes; "" for an application without one
    private_key_version   = optional(string, "1") # changes whenever private_key changes
  })
  default     = null
  description = "Application that clients with oauth2 = true log in with instead of a password, each for its own mailbox: with client_secret, with a refresh token each (grant refresh_token), or with private_key (grant jwt_bearer). A tenant of the client overrides the one here."
}

variable "client_secret" {
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
  description = "Client secret of that application; stored neither in the plan nor in the state."

  validation {
    condition     = var.client_secret != null || try(var.oauth2.grant == "jwt_bearer" || var.oauth2.client_secret_version == "", true)
    error_message = "The variable oauth2 needs client_secret. For an application without one, set client_secret_version = \"\" there."
  }
}

variable "refresh_tokens" {
  type        = map(string)
  default     = {}
  sensitive   = true
  ephemeral   = true
  description = "Refresh tokens by the same keys, for the grant refresh_token; stored neither in the plan nor in the state."
}

variable "private_key" {
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
  description = "Private key of the service account, for the grant jwt_bearer; stored neither in the plan nor in the state."

  validation {
    condition     = var.private_key != null || try(var.oauth2.grant != "jwt_bearer", true)
    error_message = "The grant jwt_bearer needs private_key."
  }
}

variable "retry_for" {
  type        = string
  default     = null
  description = "How long to retry a test that failed for a transient reason, such as \"5m\"."
}
