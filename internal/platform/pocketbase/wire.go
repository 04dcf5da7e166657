package pocketbase

import (
	"encoding/json"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// wireSettings are the mail settings of a PocketBase. They never include the password.
type wireSettings struct {
	SMTP *wireSMTP `json:"smtp"`
	Meta *wireMeta `json:"meta"`
	// SuperuserIPs exists since 0.38; its value does not matter here.
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

// wireMeta is the sender, which PocketBase requires.
type wireMeta struct {
	SenderName    string `json:"senderName"`
	SenderAddress string `json:"senderAddress"`
}

// wireChange is the body of a PATCH. Omitted members keep their values, such as the login mechanism, authMethod, for which there is no
// setting.
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
	// Template is the kind of message of which PocketBase sends a sample.
	Template string `json:"template"`
}

// factory are the mail settings of a new PocketBase.
var factory = struct {
	SMTP wireSMTP
	Meta wireMeta
}{
	wireSMTP{Host: "smtp.example.com", Port: 587},
	wireMeta{SenderName: "Support", SenderAddress: "support@example.com"},
}

// validate returns a *[site.Error] if w lacks something that the rest of this package needs.
func (w *wireSettings) validate() error {
	if w.SMTP == nil || w.Meta == nil {
		return notPocketBase("its settings lack smtp or meta")
	}
	return nil
}

// forgetsPasswords reports whether this PocketBase certainly forgets cleared passwords. 0.36.9 and 0.37 do too, but cannot be
// distinguished from older versions.
func (w *wireSettings) forgetsPasswords() bool { return w.SuperuserIPs != nil }

func (w *wireSettings) isUnconfigured() bool {
	return !w.SMTP.Enabled && (w.SMTP.Host == "" || *w.SMTP == factory.SMTP && *w.Meta == factory.Meta)
}

// fromWire assumes that there is a password if there is a username: PocketBase does not report whether one is stored.
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

// encryption returns what the TLS member amounts to; see [client.Capabilities].
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
