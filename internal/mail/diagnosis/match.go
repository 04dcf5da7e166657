package diagnosis

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// find returns the first row that matches, or nil, which few failures lead to.
func (t *table) find(f failure) *Row {
	for i := range t.rows {
		if t.rows[i].matches(f) {
			return &t.rows[i]
		}
	}
	return nil
}

// matches asks what costs least first.
func (row *Row) matches(f failure) bool {
	return !row.byHand() && row.reached(f) && row.holds(f.facts) && row.knownAt(f.stage) && row.says(f)
}

// byHand reports whether the row is chosen in code, not by its words, codes and stages.
func (row *Row) byHand() bool { return row.Pattern == "" && len(row.Words) == 0 }

// reached reports whether host, stage and codes are the row's.
func (row *Row) reached(f failure) bool {
	if len(row.Presets) > 0 && !slices.Contains(row.Presets, f.preset) {
		return false
	}
	if f.code == "" {
		return row.ReplyCode == "" && (row.Stage == f.stage || strings.HasPrefix(row.ID, "any-"))
	}
	catchesErrors := row.ReplyCode == "" && row.Pattern == ".*"
	return !catchesErrors &&
		codeMatches(row.ReplyCode, f.code) &&
		enhancedMatches(row.EnhancedCode, f.enhanced) &&
		row.at(f.stage)
}

// at reports whether a reply at this stage can be the row's. Most rows do not care: the same refusal comes at MAIL, RCPT
// or DATA, because many servers put off what they check.
func (row *Row) at(stage site.Stage) bool {
	if len(row.Stages) > 0 {
		return slices.Contains(row.Stages, stage)
	}
	switch row.Stage {
	case site.StageBanner, site.StageDNS, site.StageConnect, site.StageTLS, site.StageToken, site.StageArrival, "quit":
		return row.Stage == stage
	}
	return row.Stage == stage || !strings.HasSuffix(row.ID, "-at-stage")
}

func (row *Row) holds(known facts) bool {
	return !slices.ContainsFunc(row.When, func(fact string) bool { return !known[fact] })
}

// says reports whether the text has the row's words and its pattern.
func (row *Row) says(f failure) bool {
	for _, group := range row.words {
		if !group.in(f.words) {
			return false
		}
	}
	if row.without.in(f.words) {
		return false
	}
	switch row.Pattern {
	case "", ".*":
		return true
	}
	return (len(row.literals) == 0 || row.literals.in(f.lower)) && row.pattern().MatchString(f.text)
}

// compile prepares the row for matching. Few patterns are ever asked, so each is compiled when it is.
func (row *Row) compile() {
	row.pattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(row.Pattern) })
	if tree, err := syntax.Parse(row.Pattern, syntax.Perl); err == nil {
		row.literals = literals(tree.Simplify())
	}
	row.words = make([]phrases, len(row.Words))
	for i, group := range row.Words {
		row.words[i] = phrasesOf(group)
	}
	row.without = phrasesOf(row.Without)
}

// phrases are alternatives: a text has to contain one of them.
type phrases []string

// phrasesOf reads phrases separated by "|". Each is whole words; one that ends in "*" also begins longer words.
func phrasesOf(list string) phrases {
	var found phrases
	for phrase := range strings.SplitSeq(list, "|") {
		if phrase = " " + phrase + " "; phrase != "  " {
			found = append(found, strings.TrimSuffix(phrase, "* "))
		}
	}
	return found
}

func (p phrases) in(text string) bool {
	return slices.ContainsFunc(p, func(phrase string) bool { return strings.Contains(text, phrase) })
}

// literals returns lower-case texts; whatever the pattern matches contains at least one of them. It returns nil if it cannot tell.
// Looking for them first is many times faster than running every pattern of the table.
func literals(tree *syntax.Regexp) phrases {
	switch tree.Op {
	case syntax.OpLiteral:
		return phrases{strings.ToLower(string(tree.Rune))}
	case syntax.OpCapture, syntax.OpPlus:
		return literals(tree.Sub[0])
	case syntax.OpAlternate:
		var all phrases
		for _, sub := range tree.Sub {
			one := literals(sub)
			if one == nil {
				return nil
			}
			all = append(all, one...)
		}
		return all
	case syntax.OpConcat:
		var best phrases
		for _, sub := range tree.Sub {
			if one := literals(sub); one.shortest() > best.shortest() {
				best = one
			}
		}
		return best
	}
	return nil
}

func (p phrases) shortest() int {
	if len(p) == 0 {
		return 0
	}
	return len(slices.MinFunc(p, func(a, b string) int { return len(a) - len(b) }))
}

func codeMatches(pattern, code string) bool {
	if pattern == "" {
		return true
	}
	if len(pattern) != len(code) {
		return false
	}
	for i := range len(pattern) {
		if pattern[i] != 'x' && pattern[i] != code[i] {
			return false
		}
	}
	return true
}

func enhancedMatches(pattern, enhanced string) bool {
	if class, ok := strings.CutSuffix(pattern, "x"); ok {
		return strings.HasPrefix(enhanced, class)
	}
	return pattern == "" || pattern == enhanced
}
