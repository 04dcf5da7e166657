package api

import (
	"net/http"
	"regexp"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/access"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// product is what the reference site calls itself.
const product = "reference site"

// retryRunning is the Retry-After of a running test in seconds.
const retryRunning = "1"

func (c call) createSession() error {
	in, err := decode[credentialsWire](c)
	if err != nil {
		return err
	}
	session, err := c.Guard.Login(c.r.Context(), c.site.ID(), access.Client(c.r, c.BehindProxy), in.Username, in.Password.Text)
	if err != nil {
		return err
	}
	return c.answer(http.StatusCreated, sessionWire{Token: session.Token.Reveal(), ExpiresAt: session.ExpiresAt})
}

func (c call) getSite() error {
	return c.answer(http.StatusOK, siteWire{SiteID: c.site.ID(), Name: c.site.Name(), Product: product, APIVersion: Version})
}

func (c call) getSMTP() error {
	return c.answerSMTP(c.site.Read())
}

func (c call) putSMTP() error {
	revision, err := c.ifMatch()
	if err != nil {
		return err
	}
	in, err := decode[writeWire](c)
	if err != nil {
		return err
	}
	if !isUUID(in.WriteID) {
		return problem.OfField("write_id", "write_id must be a UUID.")
	}
	password, siteID, err := optional(in.Password, in.ClientSecret, in.SiteID)
	if err != nil {
		return err
	}
	return c.answerSMTP(c.site.Commit(c.by, core.Write{ID: in.WriteID, SaveRequest: site.SaveRequest{
		Settings: in.Settings, Password: password, Enabled: in.Enabled, Revision: revision, SiteID: siteID,
	}}))
}

func (c call) deleteSMTP() error {
	revision, err := c.ifMatch()
	if err != nil {
		return err
	}
	siteID, err := c.siteID()
	if err != nil {
		return err
	}
	return c.answerSMTP(c.site.Clear(c.by, siteID, revision))
}

func (c call) answerSMTP(s site.State, err error) error {
	if err != nil {
		return err
	}
	c.w.Header().Set("ETag", `"`+s.Revision+`"`)
	return c.answer(http.StatusOK, toSMTP(s))
}

func (c call) putTest() error {
	key := c.r.PathValue("key")
	if !isUUID(key) {
		return problem.New(problem.Malformed, "The key of a test must be a UUID.")
	}
	in, err := decode[testRequestWire](c)
	if err != nil {
		return err
	}
	password, siteID, err := optional(in.Password, in.ClientSecret, in.SiteID)
	if err != nil {
		return err
	}
	t := site.TestRequest{Recipient: in.Recipient, SiteID: siteID}
	switch {
	case in.Settings != nil:
		t.Candidate = &site.Candidate{Settings: *in.Settings, Password: password}
	case in.Password != nil:
		return problem.OfField("password", "password must not come without settings.")
	}
	return c.answerTest(c.site.PutTest(c.r.Context(), key, t))
}

func (c call) getTest() error {
	return c.answerTest(c.site.ReadTest(c.r.PathValue("key")))
}

func (c call) answerTest(t core.Test, err error) error {
	switch {
	case err != nil:
		return err
	case t.Running:
		c.w.Header().Set("Retry-After", retryRunning)
		return c.answer(http.StatusAccepted, toTest(t))
	default:
		return c.answer(http.StatusOK, toTest(t))
	}
}

func (c call) getPresets() error {
	out := presetsWire{Presets: []presetWire{}}
	for _, p := range presets.All() {
		out.Presets = append(out.Presets, presetWire{p.ID, p.Name, p.Host, p.Port, p.Encryption})
	}
	return c.answer(http.StatusOK, out)
}

// entityTag is one entity tag (RFC 9110 section 8.8.3).
var entityTag = regexp.MustCompile(`^(?:W/)?"([^"]*)"$`)

// ifMatch returns the revision of the If-Match header.
func (c call) ifMatch() (string, error) {
	values := c.r.Header.Values("If-Match")
	if len(values) == 0 {
		return "", problem.New(problem.PreconditionRequired, "The request needs an If-Match header with the revision that was read.")
	}
	tag := entityTag.FindStringSubmatch(values[0])
	if len(values) > 1 || tag == nil {
		return "", problem.New(problem.Malformed, "The If-Match header must hold one revision in double quotes.")
	}
	return tag[1], nil
}

// siteID returns the Site-ID header, or "".
func (c call) siteID() (string, error) {
	values := c.r.Header.Values("Site-ID")
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 || values[0] == "" {
		return "", problem.New(problem.Malformed, "The Site-ID header must hold one site_id.")
	}
	return values[0], nil
}

// optional returns members that a request may omit. They must not be empty if they are present.
func optional(password, clientSecret *secretText, siteID *string) (secret.Text, string, error) {
	if password == nil {
		password = &secretText{}
	} else if password.IsEmpty() {
		return secret.Text{}, "", problem.OfField("password", "password must not be empty: leave it out to keep the stored one.")
	}
	if clientSecret == nil {
		clientSecret = &secretText{}
	} else if clientSecret.IsEmpty() || password.IsEmpty() {
		return secret.Text{}, "", problem.OfField("client_secret", "client_secret must not be empty, and must not come without the refresh token in password.")
	}
	if first, _ := password.Split(); !first.Equal(password.Text) {
		return secret.Text{}, "", problem.OfField("password", "password must not contain control characters.")
	}
	if siteID == nil {
		siteID = new("")
	} else if *siteID == "" {
		return secret.Text{}, "", problem.New(problem.Malformed, "site_id must not be empty.")
	}
	return secret.Join(password.Text, clientSecret.Text), *siteID, nil
}

// isUUID accepts only the form of RFC 9562 section 4; package uuid accepts several.
func isUUID(s string) bool {
	return len(s) == len(uuid.Nil.String()) && uuid.Validate(s) == nil
}
