package sender

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// judgement is one check in progress.
type judgement struct {
	request   Request
	questions *questions
	facts     Facts
	// known: there are facts about the preset.
	known bool
	// service is the name of the preset; empty without one.
	service string
	report  Report
	// spfExists: there is an SPF record, valid or not.
	spfExists bool
}

func (j *judgement) find(id string, level Level, text, remedy string) {
	j.report.Findings = append(j.report.Findings, Finding{ID: id, Level: level, Text: text, Remedy: remedy})
}

// look runs all checks, in the order in which receivers do.
func (j *judgement) look(ctx context.Context) {
	j.report.SPFCovers, j.report.DKIMCovers = Unknown, Unknown
	texts, err := j.questions.txt(ctx, j.request.Domain)
	if err == nil && len(texts) == 0 {
		var exists bool
		if exists, err = j.exists(ctx); err == nil && !exists {
			j.report.Summary = j.request.Domain + ": the domain does not exist, or has no records."
			j.find("domain-missing", Severe, "There are no TXT, NS, MX or address records for "+j.request.Domain+".", "Check the spelling of the domain, and that it is registered and delegated.")
			return
		}
	}
	if err != nil {
		j.unanswered(err)
		j.report.Summary = j.request.Domain + ": the DNS gave no answer, so nothing is known about SPF, DKIM and DMARC."
		return
	}
	j.spf(ctx, spfRecords(texts))
	j.dkim(ctx)
	j.dmarc(ctx)
	j.verdict()
	slices.SortStableFunc(j.report.Findings, func(a, b Finding) int { return cmp.Compare(a.Level, b.Level) }) // "error" first
}

// exists reports whether the domain has any record at all.
func (j *judgement) exists(ctx context.Context) (bool, error) {
	servers, err := ask(ctx, j.questions, j.request.Domain, j.questions.resolver.LookupNS)
	if err != nil || len(servers) > 0 {
		return true, err
	}
	hosts, err := j.questions.mailServers(ctx, j.request.Domain)
	if err != nil || len(hosts) > 0 {
		return true, err
	}
	addresses, err := j.questions.addresses(ctx, j.request.Domain)
	return len(addresses) > 0, err
}

// unanswered records, once, that the DNS did not answer a query.
func (j *judgement) unanswered(err error) {
	if t, ok := errors.AsType[*trouble](err); ok && !slices.ContainsFunc(j.report.Findings, func(f Finding) bool { return f.ID == "dns-unavailable" }) {
		j.find("dns-unavailable", Severe, "The DNS did not answer a question about "+t.name+": "+t.why+".",
			"Check the name servers of the domain, and that this machine can reach a resolver; set nameserver to ask a different one.")
	}
}

func (j *judgement) spf(ctx context.Context, records []string) {
	j.spfExists = len(records) > 0
	// If MAIL FROM is in a different domain, the domain's SPF record has no effect.
	level := Severe
	if j.known && j.facts.Envelope != SenderDomain {
		level = Warning
	}
	judges := j.known && j.facts.Envelope == SenderDomain && len(j.facts.SPFIncludes) > 0
	switch len(records) {
	case 0:
		if judges {
			j.report.SPFCovers = Missing
		}
		if !j.known || j.facts.Envelope == SenderDomain {
			j.find("spf-missing", Warning, j.request.Domain+" has no SPF record.", j.spfRemedy("Publish a TXT record at "+j.request.Domain+" such as \"v=spf1 %s ~all\"."))
		}
		return
	case 1:
	default:
		if judges {
			j.report.SPFCovers = Missing
		}
		j.find("spf-multiple", level, fmt.Sprintf("%s has %s, of which receivers use none (RFC 7208 section 4.5).", j.request.Domain, count(len(records), "SPF record")), "Merge them into one.")
		return
	}
	w := &walk{questions: j.questions}
	err := w.record(ctx, j.request.Domain, records[0])
	j.report.SPF = &SPF{Record: records[0], Lookups: min(w.lookups, MostLookups+1)}
	if broken, ok := errors.AsType[*permanent](err); ok {
		if judges {
			j.report.SPFCovers = Missing
		}
		j.find("spf-invalid", level, "Receivers cannot use the SPF record of "+j.request.Domain+": "+broken.why+".", "Correct the record.")
		return
	}
	if err != nil {
		j.unanswered(err)
		return
	}
	if w.senders.anybody {
		j.find("spf-passes-all", Warning, "The SPF record of "+j.request.Domain+" lets everybody send in its name (+all).", "End it in ~all or -all.")
	}
	if judges {
		j.report.SPFCovers = w.senders.covers(j.facts.SPFIncludes, j.serviceSenders(ctx, w.senders))
	}
}

// spfRemedy returns a sentence that says what the service needs, built with one verb.
func (j *judgement) spfRemedy(sentence string) string {
	return fmt.Sprintf(sentence, cmp.Or(j.facts.SPFTerm(), "include:…"))
}

// serviceSenders returns the networks that the service sends from, according to its own SPF record. It makes no query if the domain
// includes that record or lists no networks.
func (j *judgement) serviceSenders(ctx context.Context, own senders) senders {
	if len(own.networks) == 0 || own.covers(j.facts.SPFIncludes, senders{}) == Covered {
		return senders{}
	}
	w := &walk{questions: j.questions}
	for _, include := range j.facts.SPFIncludes {
		if err := w.domain(ctx, include); err != nil {
			return senders{}
		}
	}
	return w.senders
}

func (j *judgement) dkim(ctx context.Context) {
	targets := j.facts.targets(j.request.Domain)
	selectors := append(slices.Collect(maps.Keys(targets)), j.request.Selectors...)
	slices.Sort(selectors)
	for _, selector := range slices.Compact(selectors) {
		k, err := j.questions.key(ctx, selector, j.request.Domain, targets[selector])
		if err != nil {
			j.unanswered(err)
			j.report.Keys, j.report.DKIMCovers = nil, Unknown
			return
		}
		j.report.Keys = append(j.report.Keys, k)
		j.judgeKey(k, targets[selector])
	}
	j.report.DKIMCovers = keysCover(j.report.Keys, targets, j.request.Selectors)
}

func (j *judgement) judgeKey(k Key, want string) {
	name := k.Selector + "._domainkey." + j.request.Domain
	switch {
	case !k.Found && k.Revoked:
		j.find("dkim-revoked", Warning, "The DKIM key at "+name+" is revoked: its p= is empty.", "")
	case !k.Found && k.Target != "":
		j.find("dkim-dangling", Warning, fmt.Sprintf("%s is a CNAME to %s, which has no DKIM key.", name, k.Target), "Finish the setup of the domain at the mail service, or correct the target.")
	case k.Found && want != "" && k.Target != want:
		is := "holds a key of its own"
		if k.Target != "" {
			is = "is a CNAME to " + k.Target
		}
		j.find("dkim-target", Warning, fmt.Sprintf("%s %s. %s expects a CNAME to %s.", name, is, j.service, want), "")
	}
}

func (j *judgement) dmarc(ctx context.Context) {
	found, problem, err := j.questions.policy(ctx, j.request.Domain)
	j.report.DMARC = found
	if err != nil {
		j.unanswered(err)
		return
	}
	at := "_dmarc." + j.request.Domain
	switch problem {
	case "dmarc-missing":
		j.find(problem, Warning, j.request.Domain+" has no DMARC record. Some receivers require one.", "Publish a TXT record at "+at+"; \"v=DMARC1; p=none\" is a start.")
	case "dmarc-multiple":
		j.find(problem, Warning, "There are several DMARC records for "+j.request.Domain+", of which receivers use none (RFC 9989 section 4.10).", "Keep one.")
	case "dmarc-invalid":
		j.find(problem, Warning, "Receivers cannot use the DMARC record for "+j.request.Domain+": it has no p= of none, quarantine or reject.", "Correct the record.")
	}
}

// verdict draws the conclusion.
func (j *judgement) verdict() {
	r := &j.report
	policy := "no DMARC policy applies"
	if r.DMARC != nil {
		policy = "its DMARC policy is " + r.DMARC.Policy
	}
	switch {
	case j.service == "" || !j.known && len(j.request.Selectors) == 0:
		r.Summary = fmt.Sprintf("%s: %s, %s, and %s.", j.request.Domain, j.spfText(), j.keysText(), policy)
		if j.service != "" {
			r.Summary += " What " + j.service + " needs is not known here."
		}
	case r.SPFCovers == Missing && r.DKIMCovers == Missing:
		r.Summary = fmt.Sprintf("%s: neither SPF nor DKIM of the domain covers %s, and %s.", j.request.Domain, j.service, policy)
	default:
		r.Summary = fmt.Sprintf("%s: %s, DKIM %s, and %s.", j.request.Domain, j.spfCovers(), j.covers(r.DKIMCovers), policy)
	}
	if j.service != "" {
		j.uncovered()
	}
}

// uncovered adds findings for whatever does not cover the service.
func (j *judgement) uncovered() {
	spf, dkim := j.report.SPFCovers == Missing, j.report.DKIMCovers == Missing
	switch {
	case spf && dkim:
		j.find("unauthenticated", Severe, "No message that "+j.service+" sends for "+j.request.Domain+" can pass DMARC.", j.dkimRemedy()+" "+j.spfRemedy("Add %s to the SPF record."))
	case spf && j.report.DKIMCovers == Unknown:
		j.find("spf-not-covering", Warning, "SPF of "+j.request.Domain+" does not cover "+j.service+", and DKIM cannot be judged.", strings.TrimSpace(j.spfRemedy("Add %s to the SPF record.")+" "+j.selectorRemedy()))
	case spf:
		j.find("spf-not-covering", Warning, "SPF of "+j.request.Domain+" does not cover "+j.service+"; DMARC can pass by DKIM alone.", j.spfRemedy("Add %s to the SPF record."))
	case dkim && j.report.SPFCovers == Covered:
		j.find("dkim-not-covering", Warning, "No DKIM key of "+j.service+" is published for "+j.request.Domain+"; DMARC can pass by SPF alone, which forwarding breaks.", j.dkimRemedy())
	case dkim:
		j.find("dkim-not-covering", Warning, "No DKIM key of "+j.service+" is published for "+j.request.Domain+". Unless its bounce address is in a subdomain of the domain, no message can pass DMARC.", j.dkimRemedy())
	}
}

// spfCovers says whether SPF covers the service. If MAIL FROM is in a different domain, the domain's record does not matter.
func (j *judgement) spfCovers() string {
	if j.known && j.facts.Envelope != SenderDomain {
		return "SPF of the domain does not count for " + j.service
	}
	return "SPF " + j.covers(j.report.SPFCovers)
}

func (j *judgement) covers(c Coverage) string {
	switch c {
	case Covered:
		return "covers " + j.service
	case Missing:
		return "does not cover " + j.service
	}
	return "cannot be judged"
}

func (j *judgement) dkimRemedy() string {
	if len(j.facts.Expected(j.request.Domain)) > 0 {
		return "Publish the DKIM records that expected_records holds."
	}
	return "Publish the DKIM records that the mail service shows for the domain."
}

func (j *judgement) selectorRemedy() string {
	if len(j.report.Keys) > 0 {
		return ""
	}
	return " Name the DKIM selectors of the account in dkim_selectors, so that they are looked for."
}

func (j *judgement) spfText() string {
	switch {
	case j.report.SPF != nil:
		return "SPF is published"
	case j.spfExists:
		return "SPF cannot be used"
	}
	return "no SPF"
}

func (j *judgement) keysText() string {
	found := 0
	for _, k := range j.report.Keys {
		if k.Found {
			found++
		}
	}
	switch {
	case len(j.report.Keys) == 0:
		return "DKIM was not looked for"
	case found == 0:
		return "no DKIM key at " + count(len(j.report.Keys), "selector")
	}
	return fmt.Sprintf("%s at %s", count(found, "DKIM key"), count(len(j.report.Keys), "selector"))
}
