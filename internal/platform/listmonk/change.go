package listmonk

import (
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// ownUUID begins the UUIDs that this package gives: "smtp" in ASCII.
const ownUUID = "736d7470"

// newUUID marks a server as managed. listmonk finds a stored password by it, so that a server loses its password with its
// UUID.
func newUUID() string { return ownUUID + uuid.NewString()[len(ownUUID):] }

// sampleHost is that of the server which a new listmonk has instead of a real one.
const sampleHost = "smtp.yoursite.com"

func (s *wireServer) isSample() bool { return s.Host == sampleHost }

// cleared is what is left of a managed server: the sample, off. The sender stays, for it is also that of the other servers.
func (w *wireSettings) cleared() site.SaveRequest {
	sender := parseSender(w.From)
	return site.SaveRequest{Settings: site.Settings{
		Host: sampleHost, Port: 25, Encryption: site.STARTTLS, FromAddress: sender.Address, FromName: sender.Name,
	}}
}

// wireChange is a write.
type wireChange struct {
	// all is the body.
	all map[string]any
	// uuid is that of the server which is to hold save.
	uuid any
	save site.SaveRequest
}

// toWire makes the write that has the server at that index hold s, or a new one. The sample goes when a real server is
// enabled, with which listmonk would else take turns.
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

// isKeptBy reports whether these are settings after the write. A UUID is new with every password.
func (c wireChange) isKeptBy(now *wireSettings) bool {
	i := slices.IndexFunc(now.Servers, func(s wireServer) bool { return s.UUID == c.uuid })
	return i >= 0 && now.settings(i) == c.save.Settings && now.Servers[i].Enabled == c.save.Enabled
}

// server is the one at that index, or an empty one.
func (w *wireSettings) server(own int) *wireServer {
	if own < 0 {
		return &wireServer{}
	}
	return &w.Servers[own]
}

// toWire is the server with what s says.
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
	// What is held may be one that no plan can ask for: it stays when mail is only switched off.
	if to.Settings.Encryption != s.encryption() {
		server["tls_type"], server["tls_skip_verify"] = tlsTypes[to.Settings.Encryption], false
	}
	if to.Settings.Username == "" || !to.Password.IsEmpty() {
		server["uuid"] = newUUID()
	}
	return server
}

// authProtocol keeps the way to log in, for which there is no setting. LOGIN is what listmonk's own form begins with, and
// the only one that Microsoft takes.
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

// newServer has what listmonk's own form begins with, where there is no setting for it.
func newServer() map[string]any {
	return map[string]any{
		"name": "", "email_headers": []any{}, "from_addresses": []any{}, "max_conns": 10, "max_msg_retries": 2,
		"msg_retry_delay": "10ms", "idle_timeout": "15s", "wait_timeout": "5s", "tls_type": "none", "tls_skip_verify": false,
	}
}
