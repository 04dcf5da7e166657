package diagnosis

import (
	"net/url"
	"slices"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// washer makes what comes from outside fit to be shown: plain text without secrets, of a bounded length.
type washer struct{ *untrusted.Redactor }

// newWasher takes the secrets, and the username, which goes out in its base64 form only (RFC 4954 section 4).
func newWasher(username string, secrets []secret.Text) washer {
	w := washer{new(untrusted.Redactor)}
	for _, s := range secrets {
		w.Add(s)
	}
	w.AddEncoded(username)
	return w
}

// Fit returns r with every text in it fit to be shown: one line of a bounded length, without the secrets.
func Fit(r site.TestResult, username string, secrets ...secret.Text) site.TestResult {
	return newWasher(username, secrets).result(r)
}

// longText bounds texts that are shown in part; the last word is on the page.
const longText = 4096

// mostNames and mostStages are how many of them are shown; a test has no more stages.
const (
	mostNames  = 100
	mostStages = 10
)

// result returns r with every text in it washed.
func (w washer) result(r site.TestResult) site.TestResult {
	r.Stage = site.Stage(w.Brief(string(r.Stage), 20))
	r.Error = w.Brief(r.Error, longText)
	r.Recipient = w.Brief(r.Recipient, 254)
	r.MessageID = w.Brief(r.MessageID, 254)
	if r.Reply != nil {
		r.Reply = &site.Reply{Code: r.Reply.Code, EnhancedCode: w.Brief(r.Reply.EnhancedCode, 11), Text: w.Brief(r.Reply.Text, longText)}
	}
	if c := r.Certificate; c != nil {
		washed := site.Certificate{Issuer: w.Brief(c.Issuer, 100), NotAfter: c.NotAfter}
		for _, name := range c.Names[:min(len(c.Names), mostNames)] {
			washed.Names = append(washed.Names, w.Brief(name, 100))
		}
		r.Certificate = &washed
	}
	r.Stages = slices.Clone(r.Stages[:min(len(r.Stages), mostStages)])
	for i := range r.Stages {
		r.Stages[i].Stage = site.Stage(w.Brief(string(r.Stages[i].Stage), 20))
	}
	if r.Diagnosis != nil {
		r.Diagnosis = new(w.diagnosis(*r.Diagnosis))
	}
	return r
}

func (w washer) diagnosis(d site.Diagnosis) site.Diagnosis {
	d.ID = w.Brief(d.ID, 100)
	d.Summary = w.Brief(d.Summary, 100)
	d.Cause = w.Brief(d.Cause, quoted)
	d.Remedy = w.Brief(d.Remedy, quoted)
	link, err := url.Parse(w.Brief(d.URL, 300))
	if err != nil || link.Scheme != "https" {
		link = &url.URL{}
	}
	d.URL = link.String()
	return d
}
