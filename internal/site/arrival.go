package site

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Requirement says how far a test message must get for the test to pass.
type Requirement string

// The requirements, each of which includes those before it.
const (
	// Accepted: the mail server accepted the message.
	Accepted Requirement = "accepted"
	// Delivered: it is in the inbox of the recipient, not in another folder.
	Delivered Requirement = "delivered"
	// Authenticated: the receiver found that DMARC passes for the domain of the sender (RFC 7489).
	Authenticated Requirement = "authenticated"
)

// Requirements lists the valid values of Requirement, the weakest first.
func Requirements() []Requirement { return []Requirement{Accepted, Delivered, Authenticated} }

// Looks reports whether the inbox must be checked. The zero Requirement is [Accepted].
func (r Requirement) Looks() bool { return r == Delivered || r == Authenticated }

// Place is the kind of folder that a message is in.
type Place string

// The places. A message that a filter moved, or that is only archived, is in another folder.
const (
	PlaceInbox Place = "inbox"
	PlaceJunk  Place = "junk"
	PlaceOther Place = "other"
)

// AuthResult is the receiver's result for one method of sender authentication.
type AuthResult struct {
	// Result is a result code of RFC 8601 section 2.7, such as "pass", "fail" or "none"; empty if the receiver did not say.
	Result string `json:"result"`
	// Domain is the one that was authenticated, or whose policy was looked up; may be empty.
	Domain string `json:"domain,omitempty"`
}

// Arrival says where an accepted message arrived, and what the receiver found out about its sender.
type Arrival struct {
	// At is when the receiver stored the message, by the receiver's clock.
	At time.Time `json:"at"`
	// Folder is its name at the receiver. Like everything below, it is untrusted input.
	Folder string `json:"folder"`
	Place  Place  `json:"place"`
	// Receiver is the name under which the receiver reports its results (the authserv-id of RFC 8601).
	Receiver string     `json:"receiver,omitempty"`
	SPF      AuthResult `json:"spf"`
	DKIM     AuthResult `json:"dkim"`
	DMARC    AuthResult `json:"dmarc"`
	// FoundBy says how the message was recognized: "message_id", "original_id", "reply" or "sender".
	FoundBy string `json:"found_by"`
}

// Shortfall says why an accepted message does not meet a [Requirement], or why that cannot be known. It is the id of a row of the
// diagnosis table; empty if the requirement is met.
type Shortfall string

// The shortfalls of a message, then those of an inbox that cannot be read.
const (
	NotArrived      Shortfall = "arrival-missing"
	InJunk          Shortfall = "arrival-junk"
	Filtered        Shortfall = "arrival-filtered"
	Unaligned       Shortfall = "arrival-unaligned"
	Unauthenticated Shortfall = "arrival-unauthenticated"
	NoPolicy        Shortfall = "arrival-no-policy"
	Unchecked       Shortfall = "arrival-unchecked"

	InboxLogin   Shortfall = "inbox-login"
	InboxTLS     Shortfall = "inbox-tls"
	InboxConnect Shortfall = "inbox-connect"
	InboxLimit   Shortfall = "inbox-limit"
)

// Shortfall says why a message that arrived does not meet r.
func (a Arrival) Shortfall(r Requirement) Shortfall {
	switch {
	case !r.Looks():
		return ""
	case a.Place == PlaceJunk:
		return InJunk
	case a.Place != PlaceInbox:
		return Filtered
	case r == Authenticated:
		return a.unauthenticated()
	}
	return ""
}

// unauthenticated assumes no check that the receiver did not report: a receiver whose DKIM filter is down finds that DMARC fails
// for every domain that relies on DKIM.
func (a Arrival) unauthenticated() Shortfall {
	silent := func(r AuthResult) bool {
		return slices.Contains([]string{"", "temperror", "permerror"}, r.Result)
	}
	switch {
	case a.DMARC.Result == "pass":
		return ""
	case a.DMARC.Result == "none" || a.DMARC.Result == "bestguesspass":
		return NoPolicy
	case silent(a.DMARC) || silent(a.SPF) || silent(a.DKIM):
		return Unchecked
	case a.SPF.Result == "pass" || a.DKIM.Result == "pass":
		return Unaligned
	}
	return Unauthenticated
}

// Inbox is the mailbox that receives the test messages.
type Inbox interface {
	// Watch records what the mailbox holds, before a message from one address to another is sent. Its error is an *[InboxError]
	// or ctx.Err().
	Watch(ctx context.Context, from, recipient string) (Watch, error)
}

// Watch looks for the message of one test.
type Watch interface {
	// Find waits at most wait for the message of a test that was accepted. Its error is an *[InboxError], with [NotArrived] if
	// the message did not come in time, or ctx.Err().
	Find(ctx context.Context, accepted TestResult, wait time.Duration) (Arrival, error)
	// Close ends the watch.
	Close()
}

// Test opens the inbox, makes one test, and looks for its message. If the inbox cannot be opened, the test fails and no message is
// sent. For [Accepted] it only makes the test.
func (r Requirement) Test(
	ctx context.Context, in Inbox, from, recipient string, wait time.Duration, test func(context.Context) (TestResult, error),
) (TestResult, error) {
	if !r.Looks() {
		return test(ctx)
	}
	watch, err := in.Watch(ctx, from, recipient)
	if err != nil {
		return notFound(TestResult{Recipient: recipient, TestedAt: time.Now(), Unsent: true}, err)
	}
	defer watch.Close()
	result, err := test(ctx)
	if err != nil || result.Status != Passed {
		return result, err
	}
	return r.look(ctx, watch, result, wait)
}

// look waits at most wait for the message of a test that was accepted. If the message does not get as far as r requires, the test
// becomes one that failed at [StageArrival]. The error is ctx.Err().
func (r Requirement) look(ctx context.Context, w Watch, accepted TestResult, wait time.Duration) (TestResult, error) {
	arrival, err := w.Find(ctx, accepted, wait)
	if err != nil {
		return notFound(accepted, err)
	}
	accepted.Arrival = &arrival
	if shortfall := arrival.Shortfall(r); shortfall != "" {
		accepted.Status, accepted.Stage, accepted.Shortfall = Failed, StageArrival, shortfall
	}
	return accepted, nil
}

// notFound returns the result of a test whose message could not be looked for, or was not found.
func notFound(r TestResult, err error) (TestResult, error) {
	failed, ok := errors.AsType[*InboxError](err)
	if !ok {
		return r, err
	}
	r.Status, r.Stage, r.Shortfall, r.Error = Failed, StageArrival, failed.Shortfall, failed.Message
	return r, nil
}

// InboxError says why the whereabouts of a message are unknown.
type InboxError struct {
	Shortfall Shortfall
	// Message is for people, such as what the IMAP server said.
	Message string
}

// Error implements error.
func (e *InboxError) Error() string { return e.Message }
