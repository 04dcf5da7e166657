package submit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// inDoubtError is a failure after which it is unknown whether the server accepted the message.
type inDoubtError struct{ error }

func (d inDoubtError) Unwrap() error { return d.error }

// fail records why the current stage failed: the server's reply if there is one, otherwise the error.
func (a *attempt) fail(ctx context.Context, err error, spent time.Duration) {
	r := &a.report.Result
	r.Status = site.Failed
	if _, ok := errors.AsType[inDoubtError](err); ok {
		r.Status = site.InDoubt
	}
	if code, text, ok := replyOf(err); ok {
		r.Reply = a.reply(code, text)
		if refused, ok := errors.AsType[refusal](err); ok {
			r.Error = a.redactor.Brief(refused.reason(), maxText)
		}
		return
	}
	r.Error = a.redactor.Brief(a.describe(ctx, err, spent), maxText)
	if refused, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		certificate := a.describeCertificate(refused.UnverifiedCertificates[0])
		r.Certificate = &certificate
	}
	if last := len(r.Stages) - 1; last >= 0 && r.Stages[last].Stage == site.StageTLS && isAlert(err) {
		// In TLS 1.3 the server checks the client's certificate after the client has finished the handshake.
		r.Stage, r.Stages = site.StageTLS, r.Stages[:last]
	}
}

// isAlert reports whether the server ended the connection with a TLS alert.
func isAlert(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error"
}

// replyOf returns the server's reply that err represents.
func replyOf(err error) (code int, text string, ok bool) {
	if e, ok := errors.AsType[*textproto.Error](err); ok {
		return e.Code, e.Msg, true
	}
	if e, ok := errors.AsType[*smtp.SMTPError](err); ok {
		if c := e.EnhancedCode; c != (smtp.EnhancedCode{}) {
			return e.Code, fmt.Sprintf("%d.%d.%d %s", c[0], c[1], c[2], e.Message), true
		}
		return e.Code, e.Message, true
	}
	return 0, "", false
}

// describe returns the error's text. If a context ended, it returns the context's error instead of the socket's error,
// and adds how long that took; before there is a connection it keeps the text, which names what was tried.
func (a *attempt) describe(ctx context.Context, err error, spent time.Duration) string {
	text := err.Error()
	if a.sender.HideAddresses {
		text = withoutAddresses(err, a.address)
	}
	text = strings.ReplaceAll(text, "\n", "; ")
	if e, ok := errors.AsType[textproto.ProtocolError](err); ok {
		text = unquote(e)
	}
	ended := interruption(ctx, err)
	if ended == nil {
		return text
	}
	if a.conn != nil {
		text = ended.Error()
	}
	all := a.sender.now().Sub(a.started)
	return fmt.Sprintf("%s after %s in stage %s, %s in all", text, round(spent), a.report.Result.Stage, round(all))
}

// unquote undoes the quoting of the server's line in a protocol error, in which no secret would be found.
func unquote(e textproto.ProtocolError) string {
	what, quoted, _ := strings.Cut(string(e), `"`)
	line, err := strconv.Unquote(`"` + quoted)
	if err != nil {
		return string(e)
	}
	return what + line
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }

// interruption returns the error of the context that caused err, or nil if err has another cause. Only our own
// limits set deadlines, so a timeout is due to them even if the socket's timer fired before the context's.
func interruption(ctx context.Context, err error) error {
	timeout := errors.Is(err, os.ErrDeadlineExceeded)
	switch {
	case errors.Is(err, context.Canceled), timeout && errors.Is(ctx.Err(), context.Canceled):
		return context.Canceled
	case timeout, errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// maxText limits how much of one text of the server is kept, in characters.
const maxText = 2 << 10

// reply prepares the server's reply for the result: finds its enhanced code, joins its lines, cleans and bounds its text.
func (a *attempt) reply(code int, text string) *site.Reply {
	enhanced, text := site.SplitEnhancedCode(a.redactor.Lines(text))
	return &site.Reply{Code: code, EnhancedCode: enhanced, Text: a.redactor.Brief(text, maxText)}
}

// newRedactor redacts what a server says of a login: its secrets, and the username in base64, the form in which it is sent (RFC 4954
// section 4). A password that is part of a setting is not redacted: readers of the result can read the settings too, and a gap there would
// show them which part the password is.
func newRedactor(c site.Candidate) *untrusted.Redactor {
	r := new(untrusted.Redactor)
	if c.Settings.Username == "" {
		return r
	}
	r.Add(c.Password)
	r.AddEncoded(c.Settings.Username)
	for _, d := range site.AllSettings() {
		r.Keep(d.Text(c.Settings))
	}
	return r
}
