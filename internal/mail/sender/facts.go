package sender

import (
	_ "embed"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
)

//go:embed facts.json
var file []byte

// Envelope says whose domain a service uses in MAIL FROM, which is the domain that SPF checks.
type Envelope string

// The envelopes.
const (
	// SenderDomain is the domain of from_address.
	SenderDomain Envelope = "sender"
	// Subdomain is a subdomain of it, whose name the customer chooses.
	Subdomain Envelope = "subdomain"
	// ServiceDomain is a domain of the service.
	ServiceDomain Envelope = "service"
)

// Facts are the DNS records that a mail service requires for a sender's domain, as far as they are the same for all customers.
type Facts struct {
	Preset   string   `json:"preset"`
	Envelope Envelope `json:"envelope"`
	// SPFIncludes are domains; a sender's SPF record must include one of them.
	SPFIncludes []string `json:"spf_includes"`
	// DKIM maps each selector to its CNAME target, which is empty if it differs by account. {domain} stands for the
	// sender's domain.
	DKIM map[string]string `json:"dkim"`
	// Sources are the pages that say so, and Checked is the date when they were read.
	Sources []string `json:"sources"`
	Checked string   `json:"checked"`
}

// load returns the facts in the order of the file, which is that of the presets' ids.
var load = sync.OnceValue(func() []Facts {
	var all []Facts
	if err := json.Unmarshal(file, &all); err != nil {
		panic("facts.json: " + err.Error()) // compiled in and covered by tests
	}
	return all
})

// FactsOf returns the facts about a preset, and whether any are known.
func FactsOf(preset string) (Facts, bool) {
	i := slices.IndexFunc(load(), func(f Facts) bool { return f.Preset == preset })
	if i < 0 {
		return Facts{}, false
	}
	return load()[i], true
}

// All returns the facts about all presets, in the order of their ids.
func All() []Facts { return slices.Clone(load()) }

// targets returns the CNAME targets for a domain, by selector.
func (f Facts) targets(domain string) map[string]string {
	targets := map[string]string{}
	for selector, target := range f.DKIM {
		targets[selector] = strings.ReplaceAll(target, "{domain}", domain)
	}
	return targets
}

// Record is a record that the DNS of a domain should have.
type Record struct{ Name, Type, Value string }

// Expected returns the DKIM records of a service if all of them follow from the domain alone; otherwise none.
func (f Facts) Expected(domain string) []Record {
	targets := f.targets(domain)
	var records []Record
	for _, selector := range slices.Sorted(maps.Keys(targets)) {
		if targets[selector] == "" {
			return nil
		}
		records = append(records, Record{selector + "._domainkey." + domain, "CNAME", targets[selector]})
	}
	return records
}

// SPFTerm is what the SPF record of a sender's domain needs, such as "include:spf.service.example"; empty if it needs nothing or if
// that differs by account.
func (f Facts) SPFTerm() string {
	if f.Envelope != SenderDomain || len(f.SPFIncludes) != 1 {
		return ""
	}
	return "include:" + f.SPFIncludes[0]
}
