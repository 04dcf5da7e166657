package site

import (
	"net/url"
	"slices"
)

// The limits (characters) on what is shown of a test's result. Replies and errors get the most: their last words often say the most.
const (
	maxShownText   = 4096
	maxShownAdvice = 500
	maxShownURL    = 300
	maxShownName   = 254
	maxShownTitle  = 100
	maxShownWord   = 20
	maxShownCode   = 11
	// mostShownNames and mostShownStages limit the lists; no test has more stages.
	mostShownNames  = 100
	mostShownStages = 10
)

// Shown returns r, which is untrusted input, with every text in it made fit to be shown by brief: one line of at most limit characters.
func (r TestResult) Shown(brief func(text string, limit int) string) TestResult {
	r.Stage = Stage(brief(string(r.Stage), maxShownWord))
	r.Error = brief(r.Error, maxShownText)
	r.Recipient = brief(r.Recipient, maxShownName)
	r.MessageID = brief(r.MessageID, maxShownName)
	if r.Reply != nil {
		r.Reply = &Reply{Code: r.Reply.Code, EnhancedCode: brief(r.Reply.EnhancedCode, maxShownCode), Text: brief(r.Reply.Text, maxShownText)}
	}
	if c := r.Certificate; c != nil {
		shown := Certificate{Issuer: brief(c.Issuer, maxShownTitle), NotAfter: c.NotAfter}
		for _, name := range c.Names[:min(len(c.Names), mostShownNames)] {
			shown.Names = append(shown.Names, brief(name, maxShownTitle))
		}
		r.Certificate = &shown
	}
	r.Stages = slices.Clone(r.Stages[:min(len(r.Stages), mostShownStages)])
	for i := range r.Stages {
		r.Stages[i].Stage = Stage(brief(string(r.Stages[i].Stage), maxShownWord))
	}
	if r.Arrival != nil {
		r.Arrival = new(r.Arrival.shown(brief))
	}
	if r.Diagnosis != nil {
		r.Diagnosis = new(r.Diagnosis.shown(brief))
	}
	return r
}

func (a Arrival) shown(brief func(text string, limit int) string) Arrival {
	a.Folder, a.Receiver = brief(a.Folder, maxShownTitle), brief(a.Receiver, maxShownTitle)
	for _, found := range []*AuthResult{&a.SPF, &a.DKIM, &a.DMARC} {
		*found = AuthResult{Result: brief(found.Result, maxShownWord), Domain: brief(found.Domain, maxShownTitle)}
	}
	return a
}

func (d Diagnosis) shown(brief func(text string, limit int) string) Diagnosis {
	d.ID, d.Summary = brief(d.ID, maxShownTitle), brief(d.Summary, maxShownTitle)
	d.Cause, d.Remedy = brief(d.Cause, maxShownAdvice), brief(d.Remedy, maxShownAdvice)
	d.Attribute, d.Retry = brief(d.Attribute, maxShownWord), Retry(brief(string(d.Retry), maxShownWord))
	if link, err := url.Parse(brief(d.URL, maxShownURL)); err == nil && link.Scheme == "https" {
		d.URL = link.String()
	} else {
		d.URL = ""
	}
	return d
}
