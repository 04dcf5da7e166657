package api

import (
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// The wire types have the names of the schemas in openapi.yaml. In requests, a pointer is a member that may be absent.
type (
	credentialsWire struct {
		Username string     `json:"username"`
		Password secretText `json:"password"`
	}

	writeWire struct {
		Settings     site.Settings `json:"settings"`
		Password     *secretText   `json:"password"`
		ClientSecret *secretText   `json:"client_secret"`
		Enabled      bool          `json:"enabled"`
		WriteID      string        `json:"write_id"`
		SiteID       *string       `json:"site_id"`
	}

	testRequestWire struct {
		Settings     *site.Settings `json:"settings"`
		Password     *secretText    `json:"password"`
		ClientSecret *secretText    `json:"client_secret"`
		Recipient    string         `json:"recipient"`
		SiteID       *string        `json:"site_id"`
	}

	sessionWire struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
	}

	siteWire struct {
		SiteID     string `json:"site_id"`
		Name       string `json:"name"`
		Product    string `json:"product"`
		APIVersion int    `json:"api_version"`
	}

	smtpWire struct {
		SiteID       string            `json:"site_id"`
		APIVersion   int               `json:"api_version"`
		Settings     map[string]any    `json:"settings"`
		Enabled      bool              `json:"enabled"`
		Revision     string            `json:"revision"`
		UpdatedAt    *time.Time        `json:"updated_at"`
		UpdatedBy    *string           `json:"updated_by"`
		LastWriteID  *string           `json:"last_write_id"`
		PasswordSet  bool              `json:"password_set"`
		PasswordID   *string           `json:"password_id"`
		Verification *verificationWire `json:"verification"`
		AuthMethods  []string          `json:"auth_methods"`
		Grants       []site.Grant      `json:"grants"`
	}

	verificationWire struct {
		TestedAt  time.Time `json:"tested_at"`
		Recipient string    `json:"recipient"`
		Reply     string    `json:"reply"`
		MessageID string    `json:"message_id"`
	}

	testWire struct {
		Key         string            `json:"key"`
		Status      site.Status       `json:"status"`
		Stage       *site.Stage       `json:"stage"`
		Reply       *site.Reply       `json:"reply"`
		Error       *string           `json:"error"`
		Certificate *site.Certificate `json:"certificate"`
		Stages      []stageWire       `json:"stages"`
		Recipient   string            `json:"recipient"`
		MessageID   *string           `json:"message_id"`
		TestedAt    *time.Time        `json:"tested_at"`
		Diagnosis   *site.Diagnosis   `json:"diagnosis"`
	}

	stageWire struct {
		Stage        site.Stage `json:"stage"`
		Milliseconds int64      `json:"milliseconds"`
	}

	presetsWire struct {
		Presets []presetWire `json:"presets"`
	}

	presetWire struct {
		ID         string          `json:"id"`
		Name       string          `json:"name"`
		Host       string          `json:"host"`
		Port       int             `json:"port"`
		Encryption site.Encryption `json:"encryption"`
	}
)

// running exists only on the wire: a running test has no verdict yet.
const running site.Status = "running"

func toSMTP(s site.State) smtpWire {
	w := smtpWire{
		SiteID:      s.SiteID,
		APIVersion:  Version,
		Settings:    map[string]any{},
		Enabled:     s.Enabled,
		Revision:    s.Revision,
		UpdatedAt:   orNull(s.UpdatedAt),
		UpdatedBy:   orNull(s.UpdatedBy),
		LastWriteID: orNull(s.LastWriteID),
		PasswordSet: s.PasswordSet,
		PasswordID:  orNull(s.PasswordID),
		AuthMethods: []string{"password", "oauth2"},
		Grants:      site.Grants(),
	}
	// Include settings that are not set, so that a client sees which settings this site supports.
	for _, f := range s.Settings.Fields() {
		w.Settings[f.Name] = f.Value
	}
	if v := s.Verification; v != nil {
		w.Verification = &verificationWire{TestedAt: v.TestedAt, Recipient: v.Recipient, Reply: v.Reply, MessageID: v.MessageID}
	}
	return w
}

func toTest(t core.Test) testWire {
	w := testWire{
		Key:         t.Key,
		Status:      t.Status,
		Stage:       orNull(t.Stage),
		Reply:       t.Reply,
		Error:       orNull(t.Error),
		Certificate: t.Certificate,
		Stages:      []stageWire{},
		Recipient:   t.Recipient,
		MessageID:   orNull(t.MessageID),
		TestedAt:    orNull(t.TestedAt),
		Diagnosis:   t.Diagnosis,
	}
	if t.Running {
		w.Status = running
	}
	for _, s := range t.Stages {
		// Round up to a millisecond: 0 means that a site does not report durations.
		w.Stages = append(w.Stages, stageWire{s.Stage, max(1, s.Duration.Milliseconds())})
	}
	return w
}

// orNull returns nil, which is null on the wire, for a zero value.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
