package submit

import (
	"context"

	"github.com/emersion/go-smtp"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// deliver sends one test message on a connection that is ready for it.
func (a *attempt) deliver(ctx context.Context, s site.Settings, recipient string) error {
	var m message
	if err := a.stage(ctx, site.StageMail, func(context.Context) (err error) {
		if m, err = compose(s, recipient, a.sender.now()); err != nil {
			return err
		}
		a.seen.Result.MessageID = m.id
		return a.client.Mail(m.from, &smtp.MailOptions{Size: int64(len(m.data)), UTF8: m.utf8})
	}); err != nil {
		return err
	}
	if err := a.stage(ctx, site.StageRcpt, func(context.Context) error { return a.client.Rcpt(m.to, nil) }); err != nil {
		return err
	}
	return a.stage(ctx, site.StageData, func(context.Context) error { return a.data(m.data) })
}

// data sends the message and judges the answer to its final dot.
func (a *attempt) data(message []byte) error {
	w, err := a.client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(message); err != nil {
		return err
	}
	response, err := w.CloseWithResponse()
	if err == nil {
		a.seen.Result.Reply = a.reply(250, response.StatusText)
		return nil
	}
	code, text, replied := replyOf(err)
	switch {
	case replied && code/100 == 2:
		// The first digit decides (RFC 5321 section 4.2.1); go-smtp takes 250 only.
		a.seen.Result.Reply = a.reply(code, text)
		return nil
	case replied && (code/100 == 4 || code/100 == 5), a.wire.unwritten:
		return err
	default:
		return doubt{err}
	}
}
