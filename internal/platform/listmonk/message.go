package listmonk

import (
	"net/mail"
	"strings"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// toWireTest returns the test request for a candidate. listmonk would send the message from its saved address, so headers of the server
// set the candidate's address instead, in the envelope too, unless the server has headers of its own.
func (w *wireSettings) toWireTest(own int, t site.TestRequest, messageID string) map[string]any {
	server := w.server(own)
	test := server.toWire(site.SaveRequest{Settings: t.Candidate.Settings, Password: t.Candidate.Password, Enabled: true})
	sender := mail.Address{Name: t.Candidate.Settings.FromName, Address: t.Candidate.Settings.FromAddress}
	headers := []any{
		map[string]any{"From": sender.String()},
		map[string]any{"Return-Path": sender.Address},
	}
	ofServer, _ := test["email_headers"].([]any)
	headers = append(headers, ofServer...)
	test["email_headers"] = append(headers, map[string]any{"Message-Id": "<" + messageID + ">"})
	test["email"] = t.Recipient
	// One attempt: repeating a refused login may lock the account.
	test["max_msg_retries"] = 1
	return test
}

func newMessageID(from string) string {
	return uuid.NewString() + "@" + from[strings.LastIndex(from, "@")+1:]
}

// parseSender parses an address with or without a name (RFC 5322 section 3.4). Text that is not an address is returned as the address.
func parseSender(text string) mail.Address {
	parsed, err := mail.ParseAddress(text)
	if err != nil {
		return mail.Address{Address: text}
	}
	return *parsed
}

// formatSender is the inverse of parseSender. It escapes only quotes and backslashes, so that people can read it.
func formatSender(s site.Settings) string {
	if s.FromName == "" {
		return s.FromAddress
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s.FromName) + `" <` + s.FromAddress + ">"
}

// checkRecipient refuses anything but one plain address: listmonk would report it as if the mail server had refused it.
func checkRecipient(recipient string) error {
	parsed, err := mail.ParseAddress(recipient)
	if err != nil || parsed.Address != recipient || parsed.Name != "" {
		return &site.Error{Kind: site.Invalid, Field: "recipient", Message: "it is not an address"}
	}
	return nil
}
