package presets

import (
	_ "embed"
	"encoding/json"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:embed presets.json
var file []byte

// load reads the catalogue on first use, so a provider process that uses no preset does not pay for it.
var load = sync.OnceValue(func() *catalogue {
	c, err := parse(file)
	if err != nil {
		panic("presets.json: " + err.Error()) // compiled in and covered by tests
	}
	return c
})

// catalogue is the presets in order of their ids, and the ways to find one.
type catalogue struct {
	presets  []Preset
	byID     map[string]*Preset
	byDomain map[string]*Preset
	byHost   map[string]*Preset
}

func parse(data []byte) (*catalogue, error) {
	c := &catalogue{
		byID:     map[string]*Preset{},
		byDomain: map[string]*Preset{},
		byHost:   map[string]*Preset{},
	}
	if err := json.Unmarshal(data, &c.presets); err != nil {
		return nil, err
	}
	slices.SortFunc(c.presets, func(a, b Preset) int { return strings.Compare(a.ID, b.ID) })
	for i := range c.presets {
		p := &c.presets[i]
		for j := range p.Alternatives {
			p.Alternatives[j].Host = p.Host
		}
		c.byID[p.ID] = p
		for _, domain := range p.Domains {
			c.byDomain[domain] = p
		}
	}
	c.indexHosts()
	return c, nil
}

// indexHosts assigns every host to one preset. Some presets share a host, such as the brands that Yahoo runs: a default host
// takes precedence over a region and an alias, and the service that runs the host over the access providers that resell it.
func (c *catalogue) indexHosts() {
	claim := func(host string, p *Preset) {
		if _, taken := c.byHost[host]; !taken {
			c.byHost[host] = p
		}
	}
	var owners []*Preset
	for _, category := range []Category{Mailbox, Transactional, Hosting, ISP} {
		for i := range c.presets {
			if c.presets[i].Category == category {
				owners = append(owners, &c.presets[i])
			}
		}
	}
	for _, p := range owners {
		claim(p.Host, p)
	}
	for _, p := range owners {
		for _, r := range p.Regions {
			claim(r.Host, p)
		}
		for _, alias := range p.Aliases {
			claim(alias, p)
		}
	}
}

// All returns every preset, sorted by id. Like every Preset that this package hands out, they are the caller's own.
func All() []Preset {
	presets := slices.Clone(load().presets)
	for i, p := range presets {
		presets[i] = p.clone()
	}
	return presets
}

// ByID returns the preset with exactly this id.
func ByID(id string) (Preset, bool) { return found(load().byID[id]) }

// ByDomain returns the service that holds the mailboxes of a mail domain, such as "gmail.com" in any case.
func ByDomain(domain string) (Preset, bool) { return found(load().byDomain[normal(domain)]) }

// ByAddress returns the service that holds the mailbox of an addr-spec (RFC 5322 section 3.4.1).
func ByAddress(address string) (Preset, bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return Preset{}, false
	}
	return ByDomain(address[at+1:])
}

// ByHost returns the service that a host belongs to, including regions and former names; a loopback host belongs to
// none. Use it only for hints, because some names are matched by prefix.
func ByHost(host string) (Preset, bool) {
	host = normal(host)
	c := load()
	if p, ok := c.byHost[host]; ok {
		return found(p)
	}
	for i := range c.presets {
		if slices.ContainsFunc(c.presets[i].Aliases, func(alias string) bool { return matches(alias, host) }) {
			return found(&c.presets[i])
		}
	}
	return Preset{}, false
}

func matches(alias, host string) bool {
	ok, err := path.Match(alias, host)
	return ok && err == nil
}

func found(p *Preset) (Preset, bool) {
	if p == nil {
		return Preset{}, false
	}
	return p.clone(), true
}

// fullStops are the characters that stand for the dot in names typed with an East Asian keyboard (RFC 3490 section 3.1).
var fullStops = strings.NewReplacer("。", ".", "．", ".", "｡", ".")

// normal is the form in which the catalogue has its names: lower case, without a final dot.
func normal(name string) string {
	return strings.TrimSuffix(fullStops.Replace(strings.ToLower(strings.TrimSpace(name))), ".")
}
