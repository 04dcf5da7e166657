package listmonk

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// wireSettings are listmonk's settings. A write replaces all of them, so those without a field here are kept in all.
type wireSettings struct {
	// RootURL is the public URL of this listmonk, which serves as its ID.
	RootURL string       `json:"app.root_url"`
	From    string       `json:"app.from_email"`
	Servers []wireServer `json:"smtp"`

	all map[string]any
}

// wireServer is one SMTP server; all holds everything that is stored about it.
type wireServer struct {
	UUID         string `json:"uuid"`
	Enabled      bool   `json:"enabled"`
	Host         string `json:"host"`
	Port         int    `json:"port"`
	HELO         string `json:"hello_hostname"`
	AuthProtocol string `json:"auth_protocol"`
	Username     string `json:"username"`
	// Mask is as long as the password.
	Mask       adminapi.Secret `json:"password"`
	TLSType    string          `json:"tls_type"`
	SkipVerify bool            `json:"tls_skip_verify"`

	all map[string]any
}

// UnmarshalJSON decodes the settings twice: into the fields, and into all.
func (w *wireSettings) UnmarshalJSON(data []byte) error {
	type plain wireSettings
	err := json.Unmarshal(data, (*plain)(w))
	if err == nil {
		w.all, err = members(data)
	}
	return err
}

// UnmarshalJSON does the same as that of [wireSettings].
func (s *wireServer) UnmarshalJSON(data []byte) error {
	type plain wireServer
	err := json.Unmarshal(data, (*plain)(s))
	if err == nil {
		s.all, err = members(data)
	}
	return err
}

// members decodes an object without converting its numbers.
func members(data []byte) (all map[string]any, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	err = d.Decode(&all)
	return all, err
}

// bullet is what listmonk shows instead of each character of a secret.
const bullet = "•"

// withoutMasks copies a JSON value and empties every string of bullets. listmonk would save a mask as the secret, but keeps the secret
// if the string is empty.
func withoutMasks(value any) any {
	switch v := value.(type) {
	case string:
		if strings.Trim(v, bullet) == "" {
			return ""
		}
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = withoutMasks(v[i])
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for name := range v {
			object[name] = withoutMasks(v[name])
		}
		return object
	}
	return value
}

// own returns the index of the managed server: the one that this package has marked, else the only enabled one. It is negative if there
// is none yet. If several are enabled, it is an error.
func (w *wireSettings) own() (int, error) {
	found, enabled := -1, []string(nil)
	for i := range w.Servers {
		s := &w.Servers[i]
		switch {
		case strings.HasPrefix(s.UUID, ownUUID):
			return i, nil
		case s.Enabled && !s.isSample():
			found, enabled = i, append(enabled, s.Host)
		}
	}
	if len(enabled) > 1 {
		return -1, ambiguous(enabled)
	}
	return found, nil
}

// isLast reports whether the server at index own is the only enabled one.
func (w *wireSettings) isLast(own int) bool {
	for i := range w.Servers {
		if w.Servers[i].Enabled && i != own {
			return false
		}
	}
	return own >= 0 && w.Servers[own].Enabled
}

// state returns the state of the site. As long as there is only the sample, it is that of a site that was never configured.
func (w *wireSettings) state() (site.State, error) {
	own, err := w.own()
	if err != nil || own < 0 || w.Servers[own].isSample() {
		return site.State{SiteID: w.RootURL}, err
	}
	return site.State{
		SiteID:      w.RootURL,
		Settings:    w.settings(own),
		Enabled:     w.Servers[own].Enabled,
		PasswordSet: !w.Servers[own].Mask.IsEmpty(),
	}, nil
}

func (w *wireSettings) settings(own int) site.Settings {
	s := &w.Servers[own]
	sender := parseSender(w.From)
	return site.Settings{
		Host:        s.Host,
		Port:        s.Port,
		Encryption:  s.encryption(),
		Username:    s.Username,
		FromAddress: sender.Address,
		FromName:    sender.Name,
		HELOName:    s.HELO,
	}
}

// tlsTypes are the values of tls_type.
var tlsTypes = map[site.Encryption]string{site.NoEncryption: "none", site.STARTTLS: "STARTTLS", site.TLS: "TLS"}

// encryption returns the server's encryption. If certificates are not checked, it returns a value that no plan can request, so that the
// plan shows a difference.
func (s *wireServer) encryption() site.Encryption {
	for encryption, name := range tlsTypes {
		switch {
		case name != s.TLSType || encryption == site.NoEncryption:
		case s.SkipVerify:
			return encryption + " without a check of the certificate"
		default:
			return encryption
		}
	}
	return site.NoEncryption
}
