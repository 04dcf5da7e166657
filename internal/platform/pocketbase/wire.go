package pocketbase

import (
	"encoding/json"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// wireSettings are the parts of PocketBase's settings that are about mail. A password is never among them.
type wireSettings struct {
	SMTP *wireSMTP `json:"smtp"`
	Meta *wireMeta `json:"meta"`
	// SuperuserIPs came with 0.38; what is in it does not matter here.
	SuperuserIPs json.RawMessage `json:"superuserIPs"`
}

type wireSMTP struct {
	Enabled   bool   `json:"enabled"`
	Host      string `json:"host"`
	Port      int    `json:"port"`
	Username  string `json:"username"`
	TLS       bool   `json:"tls"`
	LocalName string `json:"localName"`
}

// wireMeta are the members about the sender, which PocketBase cannot be without.
type wireMeta struct {
	SenderName    string `json:"senderName"`
	SenderAddress string `json:"senderAddress"`
}

// wireChange is the body of a PATCH, in which everything that is left out stays: among the rest the way to log in,
// authMethod, for which there is no setting.
type wireChange struct {
	SMTP wirePassword `json:"smtp"`
	Meta wireMeta     `json:"meta"`
}

type wirePassword struct {
	wireSMTP
	// Password is nil to keep the stored one, empty to remove it.
	Password *adminapi.Secret `json:"password,omitempty"`
}

type wireTest struct {
	Email string `json:"email"`
	// Template is the kind of message, of which PocketBase sends a sample.
	Template string `json:"template"`
}

// factory is what a PocketBase has that was never configured.
var factory = struct {
	SMTP wireSMTP
	Meta wireMeta
}{
	wireSMTP{Host: "smtp.example.com", Port: 587},
	wireMeta{SenderName: "Support", SenderAddress: "support@example.com"},
}

// validate returns a *[site.Error] unless w has what the rest of this package needs.
func (w *wireSettings) validate() error {
	if w.SMTP == nil || w.Meta == nil {
		return notPocketBase("its settings have no smtp or no meta")
	}
	return nil
}

// forgetsPasswords reports whether this is a PocketBase that certainly does: 0.36.9 and 0.37 look like older ones.
func (w *wireSettings) forgetsPasswords() bool { return w.SuperuserIPs != nil }

func (w *wireSettings) isUnconfigured() bool {
	return !w.SMTP.Enabled && (w.SMTP.Host == "" || *w.SMTP == factory.SMTP && *w.Meta == factory.Meta)
}

// fromWire takes a username for the sign that there is a password, of which PocketBase tells nothing.
func (w *wireSettings) fromWire(siteID string) site.State {
	if w.isUnconfigured() {
		return site.State{SiteID: siteID}
	}
	return site.State{
		SiteID: siteID,
		Settings: site.Settings{
			Host:        w.SMTP.Host,
			Port:        w.SMTP.Port,
			Encryption:  w.SMTP.encryption(),
			Username:    w.SMTP.Username,
			FromAddress: w.Meta.SenderAddress,
			FromName:    w.Meta.SenderName,
			HELOName:    w.SMTP.LocalName,
		},
		Enabled:     w.SMTP.Enabled,
		PasswordSet: w.SMTP.Username != "",
	}
}

// encryption says what TLS comes to; see [client.Capabilities].
func (w *wireSMTP) encryption() site.Encryption {
	switch {
	case w.TLS:
		return site.TLS
	case w.Username != "":
		return site.STARTTLS
	default:
		return site.NoEncryption
	}
}

func toWire(s site.SaveRequest) wireChange {
	w := wireChange{
		SMTP: wirePassword{wireSMTP: wireSMTP{
			Enabled:   s.Enabled,
			Host:      s.Settings.Host,
			Port:      s.Settings.Port,
			Username:  s.Settings.Username,
			TLS:       s.Settings.Encryption == site.TLS,
			LocalName: s.Settings.HELOName,
		}},
		Meta: wireMeta{SenderName: s.Settings.FromName, SenderAddress: s.Settings.FromAddress},
	}
	if s.Settings.Username == "" || !s.Password.IsEmpty() {
		w.SMTP.Password = &adminapi.Secret{Text: s.Password}
	}
	return w
}
