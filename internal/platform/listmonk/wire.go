package listmonk

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// wireSettings are listmonk's settings. A write takes all of them, so what has no field here is kept as it came.
type wireSettings struct {
	// RootURL is where the public finds this listmonk, which is as much of an ID as it has.
	RootURL string       `json:"app.root_url"`
	From    string       `json:"app.from_email"`
	Servers []wireServer `json:"smtp"`

	all map[string]any
}

// wireServer is one SMTP server, all of it too.
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

// UnmarshalJSON reads the settings twice: what is known here, and everything.
func (w *wireSettings) UnmarshalJSON(data []byte) error {
	type plain wireSettings
	err := json.Unmarshal(data, (*plain)(w))
	if err == nil {
		w.all, err = members(data)
	}
	return err
}

// UnmarshalJSON is as that of [wireSettings].
func (s *wireServer) UnmarshalJSON(data []byte) error {
	type plain wireServer
	err := json.Unmarshal(data, (*plain)(s))
	if err == nil {
		s.all, err = members(data)
	}
	return err
}

// members reads an object with its numbers as they are written.
func members(data []byte) (all map[string]any, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	err = d.Decode(&all)
	return all, err
}

// bullet is what listmonk shows instead of each character of a secret.
const bullet = "•"

// withoutMasks copies a value of JSON and empties every string that is nothing but bullets. listmonk saves the masks that
// it gets, and keeps the secret for an empty string.
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

// own is the index of the server that this package manages: the one that it has marked, else the only one that is
// enabled. It is negative where there is none yet, and an error where nothing tells which one it would be.
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

// isLast reports whether no other server is enabled than the one at that index.
func (w *wireSettings) isLast(own int) bool {
	for i := range w.Servers {
		if w.Servers[i].Enabled && i != own {
			return false
		}
	}
	return own >= 0 && w.Servers[own].Enabled
}

// state is that of a site that was never configured as long as there is no server but the sample.
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

// encryption names what no plan can ask for where certificates are not checked, so that it shows.
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
