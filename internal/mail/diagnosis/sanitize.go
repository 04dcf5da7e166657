package diagnosis

import (
	"net/url"
	"slices"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// sanitizer makes what comes from outside fit to be shown: plain text without secrets, of a bounded length.
type sanitizer struct{ *untrusted.Redactor }

// newSanitizer takes the secrets, and the username, which goes out in its base64 form only (RFC 4954 section 4).
func newSanitizer(username string, secrets []secret.Text) sanitizer {
	w := sanitizer{new(untrusted.Redactor)}
	for _, s := range secrets {
		w.Add(s)
	}
	w.AddEncoded(username)
	return w
}

// Brief is that of the redactor, which costs nothing where there is nothing to look at.
func (s sanitizer) Brief(text string, limit int) string {
	if text == "" {
		return ""
	}
	return s.Redactor.Brief(text, limit)
}

// Fit returns r with every text in it fit to be shown: one line of a bounded length, without the secrets.
func Fit(r site.TestResult, username string, secrets ...secret.Text) site.TestResult {
	return newSanitizer(username, secrets).result(r)
}

// longText bounds texts that are shown in part; the last word is on the page.
const longText = 4096

// mostNames and mostStages are how many of them are shown; a test has no more stages.
const (
	mostNames  = 100
	mostStages = 10
)

// result returns r with every text in it sanitized.
func (s sanitizer) result(r site.TestResult) site.TestResult {
	r.Stage = site.Stage(s.Brief(string(r.Stage), 20))
	r.Error = s.Brief(r.Error, longText)
	r.Recipient = s.Brief(r.Recipient, 254)
	r.MessageID = s.Brief(r.MessageID, 254)
	if r.Reply != nil {
		r.Reply = &site.Reply{Code: r.Reply.Code, EnhancedCode: s.Brief(r.Reply.EnhancedCode, 11), Text: s.Brief(r.Reply.Text, longText)}
	}
	if c := r.Certificate; c != nil {
		clean := site.Certificate{Issuer: s.Brief(c.Issuer, 100), NotAfter: c.NotAfter}
		for _, name := range c.Names[:min(len(c.Names), mostNames)] {
			clean.Names = append(clean.Names, s.Brief(name, 100))
		}
		r.Certificate = &clean
	}
	if a := r.Arrival; a != nil {
		r.Arrival = new(s.arrival(*a))
	}
	r.Stages = slices.Clone(r.Stages[:min(len(r.Stages), mostStages)])
	for i := range r.Stages {
		r.Stages[i].Stage = site.Stage(s.Brief(string(r.Stages[i].Stage), 20))
	}
	if r.Diagnosis != nil {
		r.Diagnosis = new(s.diagnosis(*r.Diagnosis))
	}
	return r
}

func (s sanitizer) arrival(a site.Arrival) site.Arrival {
	a.Folder = s.Brief(a.Folder, 100)
	a.Receiver = s.Brief(a.Receiver, 100)
	for _, found := range []*site.AuthResult{&a.SPF, &a.DKIM, &a.DMARC} {
		*found = site.AuthResult{Result: s.Brief(found.Result, 20), Domain: s.Brief(found.Domain, 100)}
	}
	return a
}

func (s sanitizer) diagnosis(d site.Diagnosis) site.Diagnosis {
	d.ID = s.Brief(d.ID, 100)
	d.Summary = s.Brief(d.Summary, 100)
	d.Cause = s.Brief(d.Cause, quoted)
	d.Remedy = s.Brief(d.Remedy, quoted)
	link, err := url.Parse(s.Brief(d.URL, 300))
	if err != nil || link.Scheme != "https" {
		link = &url.URL{}
	}
	d.URL = link.String()
	return d
}
