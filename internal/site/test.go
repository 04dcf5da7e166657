package site

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Stage is a step in the submission of a message.
type Stage string

// The stages, in the order in which a test passes them. StageToken fetches an OAuth 2.0 token if the login needs one; with implicit
// TLS, StageTLS comes before StageBanner; StageArrival looks for the accepted message in the test inbox.
const (
	StageToken    Stage = "token"
	StageDNS      Stage = "dns"
	StageConnect  Stage = "connect"
	StageTLS      Stage = "tls"
	StageBanner   Stage = "banner"
	StageEHLO     Stage = "ehlo"
	StageSTARTTLS Stage = "starttls"
	StageAuth     Stage = "auth"
	StageMail     Stage = "mail"
	StageRcpt     Stage = "rcpt"
	StageData     Stage = "data"
	StageArrival  Stage = "arrival"
)

// Status is the verdict of a test.
type Status string

// The verdicts. InDoubt means that it is unknown whether the server accepted the message; it is not a pass.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	InDoubt Status = "in_doubt"
)

// Reply is what an SMTP server said (RFC 5321 section 4.2).
type Reply struct {
	// Code is the three-digit reply code.
	Code int `json:"code"`
	// EnhancedCode is the status code of RFC 3463, such as "5.7.8"; empty if the server sent none.
	EnhancedCode string `json:"enhanced_code"`
	// Text is the rest, with the lines of a multi-line reply joined by a space. It is untrusted input.
	Text string `json:"text"`
}

// String gives the reply on one line, as a server would send it.
func (r Reply) String() string {
	return strings.Join(strings.Fields(fmt.Sprintf("%d %s %s", r.Code, r.EnhancedCode, r.Text)), " ")
}

var (
	// leadingCode is an enhanced status code where RFC 2034 section 4 puts it; taggedCode is one marked otherwise, as
	// in "authentication failed (#5.7.1)". Neither takes an IP address or a version for one.
	leadingCode = regexp.MustCompile(`^([245]\.\d{1,3}\.\d{1,3})(?:[\s:;,]+|$)`)
	taggedCode  = regexp.MustCompile(`[(\[#]([245]\.\d{1,3}\.\d{1,3})(?:[\s:;,)\]]|$)`)
)

// SplitEnhancedCode removes the enhanced code (RFC 3463) from every line of a reply's text. If there is none in its place, it looks for
// a tagged one and leaves that in the text. Its class need not be that of the reply code: Microsoft says "451 5.7.3 STARTTLS is required".
func SplitEnhancedCode(text string) (enhanced, rest string) {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		m := leadingCode.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if enhanced == "" {
			enhanced = m[1]
		}
		lines[i] = line[len(m[0]):]
	}
	rest = strings.Join(lines, "\n")
	if m := taggedCode.FindStringSubmatch(rest); enhanced == "" && m != nil {
		enhanced = m[1]
	}
	return enhanced, rest
}

// StageTime is how long a passed stage took. Data files spell its members as the first version did, in capitals.
type StageTime struct {
	Stage    Stage         `json:"Stage"`
	Duration time.Duration `json:"Duration"`
}

// Certificate is the certificate of a server whose certificate was not accepted.
type Certificate struct {
	Names    []string  `json:"names"`
	Issuer   string    `json:"issuer"`
	NotAfter time.Time `json:"not_after"`
}

// Retry says whether repeating a failed test without changing anything can help.
type Retry string

// RetryShort: the cause is gone within minutes; RetryLong: within hours or a day.
const (
	RetryNever Retry = "never"
	RetryShort Retry = "short"
	RetryLong  Retry = "long"
)

// Diagnosis says why a test failed and what to do about it.
type Diagnosis struct {
	// ID names the row of the diagnosis table.
	ID string `json:"id"`
	// Summary is one line, the same for every failure with this cause.
	Summary string `json:"summary"`
	// Cause is what the failure means; Remedy what to do. Lines of Remedy that begin with a space are configuration to write.
	Cause  string `json:"cause"`
	Remedy string `json:"remedy"`
	// Attribute is the setting at fault by its name in [Settings.Fields], or "password", "recipient", or "" for none.
	Attribute string `json:"attribute"`
	Retry     Retry  `json:"retry"`
	// URL is the mail service's own page about it; may be empty.
	URL string `json:"url,omitempty"`
}

// Advice returns the sentences of Remedy.
func (d Diagnosis) Advice() string {
	advice, _, _ := strings.Cut(d.Remedy, "\n ")
	return advice
}

// Configuration returns the lines of Remedy to write, without the indent that they share; empty if there are none.
func (d Diagnosis) Configuration() string {
	_, lines, found := strings.Cut(d.Remedy, "\n")
	if !found {
		return ""
	}
	first := strings.TrimLeft(lines, " ")
	indent := lines[:len(lines)-len(first)]
	return strings.ReplaceAll(first, "\n"+indent, "\n")
}

// TestResult is the outcome of one test: one message that was sent with a candidate, or could not be. Data files spell its members
// as the first version did, in capitals.
type TestResult struct {
	Status Status `json:"Status"`
	// Stage is where the test ended: the stage that failed, or StageData after a pass. Empty if the site does not say.
	Stage Stage `json:"Stage"`
	// Reply is the server's last reply; nil if the failure came without one.
	Reply *Reply `json:"Reply"`
	// Error says what went wrong if Reply does not: a network, TLS or protocol error.
	Error string `json:"Error"`
	// Certificate is set if the server's certificate was not accepted.
	Certificate *Certificate `json:"Certificate"`
	// Stages were passed, in order.
	Stages    []StageTime `json:"Stages"`
	Recipient string      `json:"Recipient"`
	// MessageID is the Message-ID header without angle brackets; empty if no message was composed.
	MessageID string `json:"MessageID"`
	// TestedAt is when the test ended.
	TestedAt  time.Time  `json:"TestedAt"`
	Diagnosis *Diagnosis `json:"Diagnosis"`
	// Arrival is where the message arrived; nil if nobody looked for it, or it was not found.
	Arrival *Arrival `json:"Arrival,omitempty"`
	// Shortfall says why the test failed at StageArrival.
	Shortfall Shortfall `json:"Shortfall,omitempty"`
	// Unsent: the inbox could not be opened, so no test message was sent.
	Unsent bool `json:"-"`
}

// Verification returns the record of r, which passed.
func (r TestResult) Verification() Verification {
	v := Verification{TestedAt: r.TestedAt, Recipient: r.Recipient, MessageID: r.MessageID, Arrival: r.Arrival}
	if r.Reply != nil {
		v.Reply = r.Reply.String()
	}
	return v
}

// Verification is the record of a pass. Data files and private state spell its members as the first version did, in capitals.
type Verification struct {
	TestedAt  time.Time `json:"TestedAt"`
	Recipient string    `json:"Recipient"`
	// Reply is the final reply, as [Reply.String] gives it.
	Reply     string `json:"Reply"`
	MessageID string `json:"MessageID"`
	// Arrival is nil if nothing more was required than acceptance. No site stores it.
	Arrival *Arrival `json:"-"`
}

// Meets reports whether v, which may be nil, proves what is required of it.
func (v *Verification) Meets(r Requirement) bool {
	return v != nil && (!r.Looks() || v.Arrival != nil && v.Arrival.Shortfall(r) == "")
}
