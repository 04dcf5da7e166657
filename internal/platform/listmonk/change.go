package listmonk

import (
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// ownUUID is the prefix of the UUIDs that this package generates: "smtp" in ASCII.
const ownUUID = "736d7470"

// newUUID returns a UUID that marks a server as managed. listmonk finds stored passwords by UUID, so a server with a new UUID loses its
// password.
func newUUID() string { return ownUUID + uuid.NewString()[len(ownUUID):] }

// sampleHost is the host of the sample server in a new listmonk.
const sampleHost = "smtp.yoursite.com"

func (s *wireServer) isSample() bool { return s.Host == sampleHost }

// cleared returns what replaces a cleared server: the sample, switched off. The sender stays, because all servers share it.
func (w *wireSettings) cleared() site.SaveRequest {
	sender := parseSender(w.From)
	return site.SaveRequest{Settings: site.Settings{
		Host: sampleHost, Port: 25, Encryption: site.STARTTLS, FromAddress: sender.Address, FromName: sender.Name,
	}}
}

// wireChange is a write.
type wireChange struct {
	// all is the request body.
	all map[string]any
	// uuid is the UUID of the server that save is written to.
	uuid any
	save site.SaveRequest
}

// toWire returns the write that applies s to the server at index own, or to a new server if own is negative. Enabling a real server
// removes the sample, because listmonk would otherwise alternate between the two.
func (w *wireSettings) toWire(own int, s site.SaveRequest) wireChange {
	server := w.server(own).toWire(s)
	all, _ := withoutMasks(w.all).(map[string]any)
	was, _ := all["smtp"].([]any)
	var servers []any
	for i := range w.Servers {
		switch {
		case i == own:
			servers = append(servers, server)
		case !s.Enabled || !w.Servers[i].isSample():
			servers = append(servers, was[i])
		}
	}
	if own < 0 {
		servers = append(servers, server)
	}
	all["smtp"] = servers
	if held := parseSender(w.From); held.Address != s.Settings.FromAddress || held.Name != s.Settings.FromName {
		all["app.from_email"] = formatSender(s.Settings)
	}
	return wireChange{all: all, uuid: server["uuid"], save: s}
}

// isKeptBy reports whether now holds what was written. Every new password comes with a new UUID.
func (c wireChange) isKeptBy(now *wireSettings) bool {
	i := slices.IndexFunc(now.Servers, func(s wireServer) bool { return s.UUID == c.uuid })
	return i >= 0 && now.settings(i) == c.save.Settings && now.Servers[i].Enabled == c.save.Enabled
}

// server returns the server at index own, or an empty one if own is negative.
func (w *wireSettings) server(own int) *wireServer {
	if own < 0 {
		return &wireServer{}
	}
	return &w.Servers[own]
}

// toWire returns the server with the settings in to.
func (s *wireServer) toWire(to site.SaveRequest) map[string]any {
	server := newServer()
	maps.Copy(server, s.all)
	maps.Copy(server, map[string]any{
		"enabled":        to.Enabled,
		"host":           to.Settings.Host,
		"port":           to.Settings.Port,
		"hello_hostname": to.Settings.HELOName,
		"auth_protocol":  s.authProtocol(to.Settings.Username),
		"username":       to.Settings.Username,
		"password":       adminapi.Secret{Text: to.Password},
	})
	// The stored encryption may be one that no plan can request. Keep it if mail is only switched off.
	if to.Settings.Encryption != s.encryption() {
		server["tls_type"], server["tls_skip_verify"] = tlsTypes[to.Settings.Encryption], false
	}
	if to.Settings.Username == "" || !to.Password.IsEmpty() {
		server["uuid"] = newUUID()
	}
	return server
}

// authProtocol keeps the server's login mechanism, for which there is no setting. The default is LOGIN, as in listmonk's own form;
// Microsoft accepts no other.
func (s *wireServer) authProtocol(username string) string {
	switch {
	case username == "":
		return "none"
	case s.AuthProtocol == "" || s.AuthProtocol == "none":
		return "login"
	default:
		return s.AuthProtocol
	}
}

// newServer returns the defaults of listmonk's own form for everything that is not a setting here.
func newServer() map[string]any {
	return map[string]any{
		"name": "", "email_headers": []any{}, "from_addresses": []any{}, "max_conns": 10, "max_msg_retries": 2,
		"msg_retry_delay": "10ms", "idle_timeout": "15s", "wait_timeout": "5s", "tls_type": "none", "tls_skip_verify": false,
	}
}
