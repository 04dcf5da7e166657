package presets

import (
	"cmp"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Near returns up to four ids that someone who typed id may have meant, the most likely first. It compares with ids, words
// of names, mail domains and hosts, and tolerates typos.
func Near(id string) []string {
	typed := strings.ToLower(strings.TrimSpace(id))
	type suggestion struct {
		id   string
		cost int
	}
	var near []suggestion
	for _, p := range load().presets {
		if cost := p.distance(typed); cost <= farthest {
			near = append(near, suggestion{p.ID, cost})
		}
	}
	slices.SortStableFunc(near, func(a, b suggestion) int { return cmp.Compare(a.cost, b.cost) })
	ids := make([]string, 0, 4)
	for _, s := range near[:min(len(near), cap(ids))] {
		ids = append(ids, s.id)
	}
	return ids
}

// The costs of being near for another reason than a slip in the id itself, which costs one for every slip.
const (
	domainCost   = 1
	wordCost     = 2
	partCost     = 3
	farthest     = 3
	shortestPart = 3
)

// distance says how far what was typed is from naming p; more than farthest is not near.
func (p Preset) distance(typed string) int {
	if len(typed) < 2 || len(typed) > 64 {
		return farthest + 1
	}
	cost := levenshtein.Distance(typed, p.ID, nil)
	if cost > min(max(2, len(typed)/3), len(typed)/2) { // letters that are swapped cost two
		cost = farthest + 1
	}
	switch {
	case slices.ContainsFunc(p.Domains, func(d string) bool { return d == typed || strings.HasPrefix(d, typed+".") }):
		return min(cost, domainCost)
	case slices.Contains(strings.FieldsFunc(p.ID+" "+strings.ToLower(p.Name), notInWord), typed):
		return min(cost, wordCost)
	case p.shares(flat(typed)):
		return min(cost, partCost)
	}
	return cost
}

// shares reports whether a part of p's names is what was typed, or the other way round.
func (p Preset) shares(typed string) bool {
	id := flat(p.ID)
	return len(typed) >= shortestPart &&
		(strings.Contains(id, typed) || strings.Contains(flat(p.Host), typed) || strings.Contains(flat(strings.ToLower(p.Name)), typed)) ||
		len(id) >= shortestPart && strings.Contains(typed, id)
}

func notInWord(r rune) bool { return strings.ContainsRune(" -.,/()&_", r) }

// flat leaves out what people put between words.
func flat(s string) string { return strings.Join(strings.FieldsFunc(s, notInWord), "") }
