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
	// The rest are optional: reports about the site's mail, its settings and its software.
	Notice      string           `json:"notice"`
	LastSuccess time.Time        `json:"last_success"`
	LastFailure *wireMailFailure `json:"last_failure"`
	Software    wireSoftware     `json:"software"`
	InForce     *wireInForce     `json:"in_force"`
	// AuthMethods is empty for a site that supports only passwords.
	AuthMethods []string `json:"auth_methods"`
	// Grants may be empty although AuthMethods includes oauth2: the site then supports only client_credentials.
	Grants []site.Grant `json:"grants"`
}

// wireSoftware is the schema Software.
type wireSoftware struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// outdated returns the version of the WordPress plugin if it is not the newest, else "". The first version did not report one.
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

// grants returns the grants by which the site can obtain tokens.
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
	// unknown are settings that the response lacks, because the site implements an older contract without them.
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

// fromWire returns nil if nothing else is in force. Settings of impossible length are treated as unknown.
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

// UnmarshalJSON decodes only the version if it is not a known one, because the rest may have a different structure.
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

// validate returns a *[site.Error] if w violates the contract in a way that matters to this package.
func (w *wireSMTP) validate() error {
	switch {
	case w.APIVersion > apiVersion:
		return &site.Error{Kind: site.Unsupported, Message: fmt.Sprintf(
			"the site implements version %d of the site admin contract, but this provider supports only version %d: upgrade the provider",
			w.APIVersion, apiVersion)}
	case w.APIVersion < 1 || w.SiteID == "" || w.Settings == nil || !isTag(w.Revision) || !w.isBounded():
		return &site.Error{Kind: site.Unexpected, Message: "the response is not from a site admin API: " +
			"api_version, site_id, settings or revision is missing or too long; check url and platform"}
	}
	return nil
}

// mostText is the maximum length, in bytes, of a text that is stored or compared as received. The contract allows less.
const mostText = 1024

// maxVersion is the maximum number of characters shown of a version.
const maxVersion = 40

// maxName is the maximum number of characters shown of a name or an address.
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

// isTag reports whether s is valid in an entity tag (RFC 9110 section 8.8.3).
func isTag(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || r > '~' })
}

// answers returns an error unless w is the response of the site with that ID to this write.
func (w *wireSMTP) answers(write wireWrite, siteID string) error {
	switch err := w.validate(); {
	case err != nil:
		return err
	case w.SiteID != siteID:
		return wrongSite(siteID, w.SiteID, "it received "+write.holds())
	case w.LastWriteID != write.WriteID:
		return errors.New("it describes a different write than this one")
	}
	return nil
}

// answersClear returns an error unless w is the response of the site with that ID after it was cleared.
func (w *wireSMTP) answersClear(siteID, sent string) error {
	switch err := w.validate(); {
	case err != nil:
		return err
	case w.SiteID != siteID:
		return wrongSite(siteID, w.SiteID, "it received "+sent)
	case !w.isClear():
		return errors.New("it still contains settings")
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
	// ClientSecret accompanies a refresh token.
	ClientSecret adminapi.Secret `json:"client_secret,omitzero"`
	// Adopt stands for a secret that only the site knows.
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

// holds describes what the receiver of w learns.
func (w wireWrite) holds() string {
	if w.Password.IsEmpty() {
		return "the settings"
	}
	return "the settings and the mail password"
}
