package page

import (
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// mail is the data of the mail page's template.
type mail struct {
	core.Overview
	Site, Base, User string
	Phase            phase
	// Summary is the state in one line, Next the next step.
	Summary, Next string
	Notice        *notice
	Fields        map[string]*field
	// Read is the state that the form shows, to detect what someone else changes in the meantime.
	Read    string
	Service *service
	Test    testForm
	// Outcome is the test that is shown in full, or nil.
	Outcome *outcome
	Past    []outcome
	Running bool
	Drift   []string
	// changed are the labels of the changed settings in a refused form.
	changed []string
}

// notice is the message at the top of the page.
type notice struct {
	// Tone is good or bad.
	Tone, Title, Text string
	Items             []string
	// Field is the ID of the field to link to, or empty.
	Field string
}

// testForm is the form that sends a test.
type testForm struct {
	// Key makes the form send only one message, however often it is submitted.
	Key       string
	Recipient string
	// Errors are by field name.
	Errors map[string]string
}

// snapshot is the state that a page showed when it was rendered.
type snapshot struct {
	Settings   site.Settings `json:"settings"`
	Enabled    bool          `json:"enabled"`
	PasswordID string        `json:"password_id"`
}

func (v visit) mail(o core.Overview) mail {
	m := mail{
		Overview: o, Site: v.site.Name(), Base: v.base(), User: v.user, Phase: phaseOf(o), Service: serviceOf(o.Settings.Host),
		Fields: fieldsOf(o), Test: testForm{Key: uuid.NewString()},
	}
	m.hint()
	m.Summary, m.Next = describe(m.Phase, o, v.Now())
	read, err := json.Marshal(snapshot{o.Settings, o.Enabled, o.PasswordID})
	if err != nil {
		panic(err) // texts, numbers and truth values
	}
	m.Read = string(read)
	shown := v.r.URL.Query().Get("test")
	for i, t := range o.Tests {
		past := outcomeOf(t, o)
		m.Past = append(m.Past, past)
		m.Running = m.Running || t.Running
		if t.Key == shown || shown == "" && i == 0 {
			m.Outcome = &past
		}
	}
	if len(o.Tests) > 0 {
		m.Test.Recipient = o.Tests[0].Recipient
	}
	if o.Applied != nil {
		applied := snapshot{o.Applied.Settings, o.Applied.Enabled, o.Applied.PasswordID}
		m.Drift = changes(applied, snapshot{o.Settings, o.Enabled, o.PasswordID})
	}
	return m
}

// enter restores what was entered. port is the text of that field, which may not be a number.
func (m *mail) enter(s site.Settings, port string) {
	for _, d := range site.AllSettings() {
		shown := m.Fields[d.Name]
		if entered := d.Text(s); entered != shown.Value {
			m.changed = append(m.changed, d.Label)
			shown.Saved, shown.Value = shown.Value, entered
		}
	}
	if s.Port == 0 {
		m.Fields["port"].Value = port
	}
	m.Service = serviceOf(s.Host)
	m.hint()
}

// blame shows why a step was refused, next to the field at fault. Nothing that is saved was changed.
func (m *mail) blame(step string, failure *problem.Error, read string) {
	m.Notice = &notice{Tone: "bad", Title: "Nothing was changed.", Text: m.reason(step, failure) + again(failure.RetryAfter)}
	if failure.Code == problem.Stale {
		m.blameOther(step, read)
		return
	}
	for _, f := range m.Fields {
		f.Saved = ""
	}
	name := failure.Field
	if path.Base(step) == "test" {
		m.Notice.Title = undone["test"]
		m.Notice.Field = "test_" + name
		m.Test.Errors = map[string]string{name: m.Notice.Text}
	} else if f, ok := m.Fields[name]; ok {
		m.Notice.Field, f.Error = name, m.Notice.Text
	}
	if name == "" {
		m.Notice.Field = ""
	}
}

// reason returns why a step was refused, in the terms of the page.
func (m *mail) reason(step string, failure *problem.Error) string {
	switch {
	case failure.Code != problem.PasswordRequired:
		return inWords(failure.Detail)
	case path.Base(step) == "test":
		return "Enter the password again. The page cannot read the saved one back."
	case len(m.changed) == 0:
		return "Enter a password for this username."
	}
	return "Enter the password again to change the " + strings.Join(m.changed, ", ") +
		". A saved password is used only with the settings it was entered for."
}

// undone are the messages that a refused step was not carried out.
var undone = map[string]string{
	"save": "What you entered was not saved.", "test": "No test was sent.", "switch": "Mail was neither enabled nor disabled.",
}

// blameOther shows who changed what since the page was rendered.
func (m *mail) blameOther(step, read string) {
	m.Notice.Title = fmt.Sprintf("“%s” changed this site on %s, while this page was open.", m.UpdatedBy, when(m.UpdatedAt))
	m.Notice.Text = undone[path.Base(step)] + " Review the saved settings, then try again."
	var was snapshot
	if err := json.Unmarshal([]byte(read), &was); err == nil {
		m.Notice.Items = changes(was, snapshot{m.Settings, m.Enabled, m.PasswordID})
	}
}

// changes describes the differences between two states for people.
func changes(was, is snapshot) []string {
	var items []string
	before := was.Settings.Fields()
	for i, f := range is.Settings.Fields() {
		if f.Value != before[i].Value {
			items = append(items, fmt.Sprintf("%s: %s, was %s", label(f.Name), quoted(f.Value), quoted(before[i].Value)))
		}
	}
	if is.PasswordID != was.PasswordID {
		items = append(items, "Password: changed")
	}
	if is.Enabled != was.Enabled {
		items = append(items, "Mail: "+onOff(is.Enabled)+", was "+onOff(was.Enabled))
	}
	return items
}

func quoted(value any) string {
	text := fmt.Sprint(value)
	if text == "" || text == "0" {
		return "nothing"
	}
	return text
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// ago describes in words how long ago something happened.
func ago(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return "just now"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " minutes ago"
	default:
		return strconv.Itoa(int(d/time.Hour)) + " hours ago"
	}
}
