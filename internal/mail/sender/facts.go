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

// Envelope says whose domain a service puts into MAIL FROM, which is the one that SPF is about.
type Envelope string

// The envelopes.
const (
	// SenderDomain is the domain of from_address.
	SenderDomain Envelope = "sender"
	// Subdomain is one below it, whose name the customer chooses.
	Subdomain Envelope = "subdomain"
	// ServiceDomain is one of the service.
	ServiceDomain Envelope = "service"
)

// Facts are what a mail service wants in the DNS of a sender's domain, where that is the same for all its customers.
type Facts struct {
	Preset   string   `json:"preset"`
	Envelope Envelope `json:"envelope"`
	// SPFIncludes are the domains one of which a sender's SPF record includes.
	SPFIncludes []string `json:"spf_includes"`
	// DKIM are the selectors, each with what its CNAME leads to; empty where that differs by account. {domain} stands for the
	// sender's domain.
	DKIM map[string]string `json:"dkim"`
	// Sources are where this was read, and Checked when, as a date.
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

// FactsOf returns the facts about a preset, and whether there are any.
func FactsOf(preset string) (Facts, bool) {
	i := slices.IndexFunc(load(), func(f Facts) bool { return f.Preset == preset })
	if i < 0 {
		return Facts{}, false
	}
	return load()[i], true
}

// All returns the facts about all presets, in the order of their ids.
func All() []Facts { return slices.Clone(load()) }

// targets are the targets of the CNAMEs for a domain, by selector.
func (f Facts) targets(domain string) map[string]string {
	targets := map[string]string{}
	for selector, target := range f.DKIM {
		targets[selector] = strings.ReplaceAll(target, "{domain}", domain)
	}
	return targets
}

// Record is one that the DNS of a domain should have.
type Record struct{ Name, Type, Value string }

// Expected returns the DKIM records of a service that follow from the domain alone; none where one of them does not.
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

// SPFTerm is what the SPF record of a sender's domain needs, such as "include:spf.service.example"; empty where nothing, or where
// it differs by account.
func (f Facts) SPFTerm() string {
	if f.Envelope != SenderDomain || len(f.SPFIncludes) != 1 {
		return ""
	}
	return "include:" + f.SPFIncludes[0]
}
