package inbox

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// folder is a mailbox in the sense of IMAP.
type folder struct {
	name  string
	place site.Place
	// watched folders are read in each round, the others only when a message did not arrive.
	watched bool
}

// mark is the point up to which a folder was read.
type mark struct {
	validity uint32
	next     imap.UID
}

// spam lists names of spam folders, for servers that do not mark them (RFC 6154).
var spam = []string{"junk", "spam", "junk e-mail", "junk email", "junk mail", "bulk", "bulk mail", "spamverdacht", "unerwünscht"}

// maxFolders is the maximum number of folders that are read.
const maxFolders = 200

// list finds the folders to watch: the inbox, the spam folders and the folder of all mail.
func (s *session) list() error {
	caps := s.client.Caps()
	options := &imap.ListOptions{ReturnSpecialUse: caps.Has(imap.CapSpecialUse) && caps.Has(imap.CapListExtended)}
	listed, err := s.client.List("", "*", options).Collect()
	if err != nil {
		return fmt.Errorf("listing the folders of the test inbox: %w", err)
	}
	s.folders = []folder{{name: "INBOX", place: site.PlaceInbox, watched: true}}
	for _, l := range listed {
		f := folder{name: l.Mailbox, place: site.PlaceOther}
		last := l.Mailbox[strings.LastIndex(l.Mailbox, string(l.Delim))+1:]
		switch {
		case strings.EqualFold(l.Mailbox, "INBOX") || slices.Contains(l.Attrs, imap.MailboxAttrNoSelect) || len(s.folders) == maxFolders:
			continue
		case slices.Contains(l.Attrs, imap.MailboxAttrJunk), slices.Contains(spam, strings.ToLower(last)):
			f.place, f.watched = site.PlaceJunk, true
		case slices.Contains(l.Attrs, imap.MailboxAttrAll):
			f.watched = true
		}
		s.folders = append(s.folders, f)
	}
	return nil
}

// round returns the messages that arrived in the watched folders since marks, and advances marks. A folder without a mark gets one.
func (s *session) round(ctx context.Context, marks map[string]mark) ([]message, error) {
	stop := s.within(ctx)
	defer stop()
	var arrived []message
	for _, f := range s.folders {
		if !f.watched {
			continue
		}
		status, err := s.client.Status(f.name, &imap.StatusOptions{UIDNext: true, UIDValidity: true}).Wait()
		if err != nil {
			return nil, fmt.Errorf("looking into the folder %s: %w", f.name, err)
		}
		now := mark{status.UIDValidity, status.UIDNext}
		before, marked := marks[f.name]
		if marked && before.validity != now.validity {
			// All UIDs are new, so new messages are among the last.
			before = mark{now.validity, now.next - min(now.next-1, maxMessages)}
		}
		if marked && now.next > before.next {
			now.next = min(now.next, before.next+maxMessages)
			var set imap.UIDSet
			set.AddRange(before.next, now.next-1)
			messages, err := s.fetch(f, set)
			if err != nil {
				return nil, err
			}
			arrived = append(arrived, messages...)
		}
		marks[f.name] = now
	}
	return arrived, nil
}

// maxSwept is how many of the latest messages of each folder are searched when a message did not arrive.
const maxSwept = 50

// sweep returns the latest messages of every folder, including new folders.
func (s *session) sweep(ctx context.Context) ([]message, error) {
	stop := s.within(ctx)
	defer stop()
	if err := s.list(); err != nil {
		return nil, err
	}
	var latest []message
	for _, f := range s.folders {
		status, err := s.client.Status(f.name, &imap.StatusOptions{NumMessages: true}).Wait()
		if err != nil || status.NumMessages == nil || *status.NumMessages == 0 {
			continue // No filter puts mail into a folder that cannot be opened.
		}
		var set imap.SeqSet
		set.AddRange(*status.NumMessages-min(*status.NumMessages-1, maxSwept-1), *status.NumMessages)
		messages, err := s.fetch(f, set)
		if err != nil {
			return nil, err
		}
		latest = append(latest, messages...)
	}
	return latest, nil
}

// fetch reads the headers of messages, and marks nothing as read.
func (s *session) fetch(f folder, set imap.NumSet) ([]message, error) {
	if _, err := s.client.Select(f.name, &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
		return nil, fmt.Errorf("opening the folder %s: %w", f.name, err)
	}
	fetched, err := s.client.Fetch(set, &imap.FetchOptions{
		UID:          true,
		InternalDate: true,
		BodySection: []*imap.FetchItemBodySection{{
			Specifier:    imap.PartSpecifierHeader,
			HeaderFields: headerFields,
			Partial:      &imap.SectionPartial{Size: maxHeader},
			Peek:         true,
		}},
	}).Collect()
	if err != nil {
		return nil, fmt.Errorf("reading headers in the folder %s: %w", f.name, err)
	}
	var messages []message
	for _, m := range fetched {
		if len(m.BodySection) == 1 {
			messages = append(messages, newMessage(f, m.InternalDate, bytes.TrimLeft(m.BodySection[0].Bytes, "\r\n")))
		}
	}
	if s.client.Caps().Has(imap.CapUnselect) || s.client.Caps().Has(imap.CapIMAP4rev2) {
		// STATUS may be behind for a folder that is open.
		if err := s.client.Unselect().Wait(); err != nil {
			return nil, fmt.Errorf("leaving the folder %s: %w", f.name, err)
		}
	}
	return messages, nil
}
