locals {
  # Spreadsheets add a byte order mark, and white space around cells.
  table = [for line in try(csvdecode(trimprefix(var.clients_csv, "\ufeff")), []) : { for column, cell in line : trimspace(column) => trimspace(cell) }]

  # Columns that accept only certain words, in any case.
  words = {
    status     = ["active", "leaving"]
    enabled    = ["true", "false"]
    login      = ["true", "false"]
    oauth2     = ["true", "false"]
    encryption = ["starttls", "tls", "none"]
    on_destroy = ["disable", "clear", "keep"]
  }
  problems = concat(
    can(regex("^[^,\n]*;", var.clients_csv)) ? ["the columns are separated by semicolons; save the table with commas"] : [],
    can(csvdecode(trimprefix(var.clients_csv, "\ufeff"))) || var.clients_csv == "" ? [] : ["it is not CSV with a header, or a line has more or fewer cells than the header"],
    [for i, line in local.table : "line ${i + 2} names no site" if try(line.site, "") == ""],
    flatten([for i, line in local.table : [
      for column, words in local.words : "line ${i + 2}, column ${column}: \"${line[column]}\" must be one of ${join(", ", words)}"
      if try(line[column], "") != "" && !contains(words, lower(try(line[column], "")))
    ]]),
    [for i, line in local.table : "line ${i + 2}, column port: \"${line.port}\" is not a port" if try(line.port, "") != "" && !can(regex("^[1-9][0-9]{0,4}$", line.port))],
  )

  lines = {
    for line in local.table : line.site => {
      for column, cell in line : column => contains(keys(local.words), column) ? lower(cell) : cell if column != "site" && cell != ""
    } if try(line.site, "") != ""
  }

  # The line of the CSV, overridden by the map. A leaving client is destroyed while the provider still knows the site.
  clients = {
    for site in setunion(keys(local.lines), keys(var.clients)) : site => merge(
      try(local.lines[site], {}),
      { for attribute, value in try(var.clients[site], {}) : attribute => value if value != null },
    ) if try(local.lines[site].status, "active") != "leaving"
  }

  # A client with a preset or a host of its own takes none of the defaults: the password of one server is not for another.
  own    = { for site, client in local.clients : site => can(client.preset) || can(client.host) }
  login  = { for site, client in local.clients : site => try(tobool(client.login), true) }
  token  = { for site, client in local.clients : site => local.login[site] && var.oauth2 != null && try(tobool(client.oauth2), false) }
  shared = { for site, client in local.clients : site => !local.own[site] && !local.token[site] && var.defaults.username != null }

  # A service account has no client secret, and an application without one says so.
  client_secret = try(var.oauth2.grant != "jwt_bearer" && var.oauth2.client_secret_version != "", false)
}

resource "smtp_settings" "client" {
  for_each = local.clients

  site       = each.key
  preset     = local.own[each.key] ? try(each.value.preset, null) : var.defaults.preset
  region     = local.own[each.key] ? try(each.value.region, null) : var.defaults.region
  host       = local.own[each.key] ? try(each.value.host, null) : var.defaults.host
  port       = local.own[each.key] ? try(tonumber(each.value.port), null) : var.defaults.port
  encryption = local.own[each.key] ? try(each.value.encryption, null) : var.defaults.encryption

  username = (
    !local.login[each.key] ? null :
    local.shared[each.key] ? var.defaults.username : try(each.value.username, each.value.mailbox)
  )
  password_wo = (
    !local.login[each.key] || local.token[each.key] ? null :
    local.shared[each.key] ? var.default_password : lookup(var.passwords, each.key, null)
  )
  password_wo_version = (
    !local.login[each.key] || local.token[each.key] ? null :
    local.shared[each.key] ? var.default_password_version : try(each.value.password_version, "1")
  )
  oauth2 = !local.token[each.key] ? null : {
    grant     = var.oauth2.grant
    tenant    = try(each.value.tenant, var.oauth2.tenant)
    token_url = can(each.value.tenant) ? null : var.oauth2.token_url
    scopes    = var.oauth2.scopes
    client_id = var.oauth2.client_id

    client_secret_wo         = local.client_secret ? var.client_secret : null
    client_secret_wo_version = local.client_secret ? var.oauth2.client_secret_version : null
    refresh_token_wo         = var.oauth2.grant == "refresh_token" ? lookup(var.refresh_tokens, each.key, null) : null
    refresh_token_wo_version = var.oauth2.grant == "refresh_token" ? try(each.value.refresh_token_version, "1") : null
    private_key_wo           = var.oauth2.grant == "jwt_bearer" ? var.private_key : null
    private_key_wo_version   = var.oauth2.grant == "jwt_bearer" ? var.oauth2.private_key_version : null
  }

  from_address = try(each.value.from_address, each.value.mailbox)
  from_name    = try(each.value.name, null)
  reply_to     = try(each.value.reply_to, null)
  helo_name    = try(each.value.helo_name, null)
  enabled      = try(tobool(each.value.enabled), true)
  on_destroy   = try(each.value.on_destroy, null)

  test = {
    recipient = try(each.value.recipient, null)
    retry_for = var.retry_for
  }

  lifecycle {
    precondition {
      condition     = !local.login[each.key] || local.token[each.key] || local.shared[each.key] || can(var.passwords[each.key])
      error_message = "${each.key} logs in with a mailbox of its own, and passwords has no entry for it."
    }

    precondition {
      condition     = var.oauth2 != null || !try(tobool(each.value.oauth2), false)
      error_message = "${each.key} logs in with oauth2, and the variable oauth2 is not set."
    }
  }
}
