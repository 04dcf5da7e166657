package siteadmin

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/semver"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// wireSMTP is the schema SMTP. A null string reads as "".
type wireSMTP struct {
	SiteID       string            `json:"site_id"`
	APIVersion   int               `json:"api_version"`
	Settings     *wireSettings     `json:"settings"`
	Enabled      bool              `json:"enabled"`
	Revision     string            `json:"revision"`
	UpdatedAt    *time.Time        `json:"updated_at"`
	UpdatedBy    string            `json:"updated_by"`
	LastWriteID  string            `json:"last_write_id"`
	PasswordSet  bool              `json:"password_set"`
	PasswordID   string            `json:"password_id"`
	Verification *wireVerification `json:"verification"`
	// The rest are optional: what the site tells of its mail, and of what happened to its settings.
	Notice      string           `json:"notice"`
	LastSuccess time.Time        `json:"last_success"`
	LastFailure *wireMailFailure `json:"last_failure"`
	Software    wireSoftware     `json:"software"`
	InForce     *wireInForce     `json:"in_force"`
	// AuthMethods is empty for a site that takes passwords only.
	AuthMethods []string `json:"auth_methods"`
	// Grants is empty for a site that knows one of them, with oauth2 among its AuthMethods.
	Grants []site.Grant `json:"grants"`
}

// wireSoftware is the schema Software.
type wireSoftware struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// outdated returns the version of the WordPress plugin where it is older than the newest. The first one named none.
func (w *wireSMTP) outdated(isWordPress bool) string {
	version := w.Software.Version
	switch {
	case w.Software == wireSoftware{} && isWordPress:
		return firstWordPressPlugin
	case w.Software.Name != wordPressPlugin || semver.Compare("v"+version, "v"+WordPressPlugin) >= 0:
		return ""
	}
	return untrusted.Brief(version, maxVersion)
}

// grants are those with which the site obtains tokens.
func (w *wireSMTP) grants() []site.Grant {
	switch {
	case !slices.Contains(w.AuthMethods, authOAuth2):
		return nil
	case len(w.Grants) == 0:
		return []site.Grant{site.ClientCredentials}
	}
	return w.Grants
}

// wireSettings is the schema StoredSettings.
type wireSettings struct {
	site.Settings
	// unknown are the settings that the site leaves out: it speaks an older version of the contract than the one that they came with.
	unknown site.SettingNames
}

func (w *wireSettings) UnmarshalJSON(data []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	for _, d := range site.AllSettings() {
		if _, known := members[d.Name]; !known && d.Since != "" {
			w.unknown = w.unknown.With(d.Name)
		}
	}
	return json.Unmarshal(data, &w.Settings)
}

type wireVerification struct {
	TestedAt  time.Time `json:"tested_at"`
	Recipient string    `json:"recipient"`
	Reply     string    `json:"reply"`
	MessageID string    `json:"message_id"`
}

// wireMailFailure is the schema MailFailure.
type wireMailFailure struct {
	At    time.Time   `json:"at"`
	Stage site.Stage  `json:"stage"`
	Reply *site.Reply `json:"reply"`
	Error string      `json:"error"`
}

// wireInForce is the schema InForce. A null string reads as "".
type wireInForce struct {
	By               string        `json:"by"`
	Transport        string        `json:"transport"`
	Settings         *wireSettings `json:"settings"`
	PasswordReadable bool          `json:"password_readable"`
	Obstacle         string        `json:"obstacle"`
}

// fromWire returns nil where nothing else is in force. Settings that are too long to be any are as good as not known.
func (w *wireInForce) fromWire() *site.InForce {
	if w == nil || w.By == "" {
		return nil
	}
	found := &site.InForce{
		By: untrusted.Brief(w.By, maxName), Transport: untrusted.Brief(w.Transport, maxName),
		PasswordReadable: w.PasswordReadable, Obstacle: untrusted.Brief(w.Obstacle, mostText),
	}
	if w.Settings != nil && w.Settings.isBounded() {
		found.Settings = w.Settings.Settings
	}
	return found
}

// UnmarshalJSON takes nothing but the version when it is not a known one: the rest may have another shape.
func (w *wireSMTP) UnmarshalJSON(data []byte) error {
	type plain wireSMTP
	err := json.Unmarshal(data, (*plain)(w))
	if err != nil {
		var version struct {
			APIVersion int `json:"api_version"`
		}
		if json.Unmarshal(data, &version) != nil {
			return err
		}
		w.APIVersion = version.APIVersion
	}
	if w.APIVersion == apiVersion {
		return err
	}
	*w = wireSMTP{APIVersion: w.APIVersion}
	return nil
}

// validate returns a *[site.Error] unless w is what the contract promises, as far as the rest of this package needs it.
func (w *wireSMTP) validate() error {
	switch {
	case w.APIVersion > apiVersion:
		return &site.Error{Kind: site.Unsupported, Message: fmt.Sprintf(
			"the site speaks version %d of the site admin contract, and this provider knows version %d: use a newer provider",
			w.APIVersion, apiVersion)}
	case w.APIVersion < 1 || w.SiteID == "" || w.Settings == nil || !isTag(w.Revision) || !w.isBounded():
		return &site.Error{Kind: site.Unexpected, Message: "what answered is not a site admin API: " +
			"api_version, site_id, settings or revision is missing or too long; check url and platform"}
	}
	return nil
}

// mostText is how long (bytes) a text is taken that is compared and stored as it came; the contract allows less.
const mostText = 1024

// maxVersion is how many characters of a version are shown.
const maxVersion = 40

// maxName is how many characters of a name or an address are shown.
const maxName = 254

func (w *wireSMTP) isBounded() bool {
	return areBounded(w.SiteID, w.Revision, w.LastWriteID, w.PasswordID) && w.Settings.isBounded()
}

func (w *wireSettings) isBounded() bool {
	var texts []string
	for _, f := range w.Fields() {
		texts = append(texts, fmt.Sprint(f.Value))
	}
	return areBounded(texts...)
}

func areBounded(texts ...string) bool {
	return !slices.ContainsFunc(texts, func(text string) bool { return len(text) > mostText })
}

// isTag reports whether s can stand in an entity tag (RFC 9110 section 8.8.3).
func isTag(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || r > '~' })
}

// answers returns an error unless w is what the site with that id says after exactly this write.
func (w *wireSMTP) answers(write wireWrite, siteID string) error {
	switch err := w.validate(); {
	case err != nil:
		return err
	case w.SiteID != siteID:
		return wrongSite(siteID, w.SiteID, "it was sent "+write.holds())
	case w.LastWriteID != write.WriteID:
		return errors.New("it tells of another write than this one")
	}
	return nil
}

// answersClear returns an error unless w is what the site with that id says after it was cleared.
func (w *wireSMTP) answersClear(siteID, sent string) error {
	switch err := w.validate(); {
	case err != nil:
		return err
	case w.SiteID != siteID:
		return wrongSite(siteID, w.SiteID, "it was sent "+sent)
	case !w.isClear():
		return errors.New("it still has settings in it")
	}
	return nil
}

func (w *wireSMTP) isClear() bool { return w.Settings.IsZero() && !w.PasswordSet }

func (w *wireSMTP) fromWire() site.State {
	state := site.State{
		SiteID:      w.SiteID,
		Settings:    w.Settings.Settings,
		Unknown:     w.Settings.unknown,
		Enabled:     w.Enabled,
		Revision:    w.Revision,
		UpdatedBy:   untrusted.Brief(w.UpdatedBy, maxName),
		LastWriteID: w.LastWriteID,
		PasswordSet: w.PasswordSet,
		PasswordID:  w.PasswordID,
		Notice:      untrusted.Brief(w.Notice, mostText),
	}
	state.InForce = w.InForce.fromWire()
	if w.UpdatedAt != nil {
		state.UpdatedAt = *w.UpdatedAt
	}
	if v := w.Verification; v != nil && !v.TestedAt.IsZero() {
		state.Verification = &site.Verification{
			TestedAt:  v.TestedAt,
			Recipient: untrusted.Brief(v.Recipient, maxName),
			Reply:     untrusted.Brief(v.Reply, mostText),
			MessageID: untrusted.Brief(v.MessageID, maxName),
		}
	}
	state.LastSuccess = w.LastSuccess
	if failure := w.LastFailure; failure != nil {
		state.LastFailure = &site.MailFailure{At: failure.At, Result: site.TestResult{
			Status: site.Failed, Stage: failure.Stage, Reply: failure.Reply, Error: failure.Error,
		}}
	}
	return state
}

// wireSecrets are the members of a request that hold the secret of a login.
type wireSecrets struct {
	Password adminapi.Secret `json:"password,omitzero"`
	// ClientSecret goes with a refresh token.
	ClientSecret adminapi.Secret `json:"client_secret,omitzero"`
	// Adopt stands for a secret that the site alone knows.
	Adopt bool `json:"adopt,omitempty"`
}

func toWireSecrets(password secret.Text, adopt bool) wireSecrets {
	first, second := password.Split()
	return wireSecrets{adminapi.Secret{Text: first}, adminapi.Secret{Text: second}, adopt}
}

// wireWrite is the schema Write.
type wireWrite struct {
	Settings site.Settings `json:"settings"`
	wireSecrets
	Enabled bool   `json:"enabled"`
	WriteID string `json:"write_id"`
	SiteID  string `json:"site_id,omitempty"`
}

func toWireWrite(s site.SaveRequest, id string) wireWrite {
	return wireWrite{Settings: s.Settings, wireSecrets: toWireSecrets(s.Password, s.Adopt), Enabled: s.Enabled, WriteID: id, SiteID: s.SiteID}
}

// holds says what w tells whoever gets it.
func (w wireWrite) holds() string {
	if w.Password.IsEmpty() {
		return "the settings"
	}
	return "the settings and the mail password"
}
