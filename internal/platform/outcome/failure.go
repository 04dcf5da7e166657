package outcome

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// quotedReply is a reply as Go programs print it: code and text, since Go 1.26 the text in quotes.
var quotedReply = regexp.MustCompile(`(?s)^([245]\d\d)[ -]+(.*)$`)

// Failure is the result of a test that did not pass, of which the product says no more than text: the submission server's
// reply, or an error of its own. An error that can also come after the whole message was sent is in doubt.
func Failure(text string) site.TestResult {
	text = strings.TrimSpace(text)
	if m := quotedReply.FindStringSubmatch(text); m != nil {
		code, _ := strconv.Atoi(m[1]) // three digits
		reply := toReply(code, m[2])
		return site.TestResult{Status: site.Failed, Stage: stageOf(code), Reply: &reply}
	}
	result := site.TestResult{Status: site.Failed, Error: text}
	for _, known := range beforeData {
		if known.text.MatchString(text) {
			result.Stage = known.stage
			return result
		}
	}
	result.Status, result.Stage = site.InDoubt, site.StageData
	return result
}

func toReply(code int, text string) site.Reply {
	if plain, err := strconv.Unquote(text); err == nil {
		text = plain
	}
	enhanced, text := site.SplitEnhancedCode(text)
	return site.Reply{Code: code, EnhancedCode: enhanced, Text: strings.Join(strings.Fields(text), " ")}
}

// stageOf is the stage that a reply can only come from (RFC 4954 section 6); empty for one that comes from several.
func stageOf(code int) site.Stage {
	switch code {
	case 432, 534, 535, 538:
		return site.StageAuth
	}
	return ""
}

// beforeData are errors of Go programs that end a test before its message is sent.
var beforeData = []struct {
	text  *regexp.Regexp
	stage site.Stage
}{
	{regexp.MustCompile(`\blookup |no such host|too many colons in address|invalid port`), site.StageDNS},
	{regexp.MustCompile(`\bdial tcp`), site.StageConnect},
	{regexp.MustCompile(`x509: |tls: `), site.StageTLS},
	{regexp.MustCompile(`STARTTLS`), site.StageSTARTTLS},
	{regexp.MustCompile(`unencrypted connection|wrong host name|AUTH`), site.StageAuth},
}
