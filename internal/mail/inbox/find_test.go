package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/imaptest"
)

const id = "0f8fad5b-d9cb-469f-a165-70867728950e@client.example"

func TestRecognises(t *testing.T) {
	for name, tt := range map[string]struct {
		sent    site.TestResult
		message string
		by      string
	}{
		"MessageID":          {accepted(id, "Ok"), message(id), "message_id"},
		"IDKeptByGoogle":     {accepted(id, "Ok"), message("new@mail.gmail.com", "X-Google-Original-Message-ID: <"+id+">"), "original_id"},
		"IDKeptByMicrosoft":  {accepted(id, "Ok"), message("new@outlook.com", "X-Microsoft-Original-Message-ID: "+id), "original_id"},
		"IDInTheReply":       {accepted(id, "Ok 0102018f3c5a7b21-9d0e-000000"), message("0102018f3c5a7b21-9d0e-000000@email.amazonses.com"), "reply"},
		"SenderAndRecipient": {accepted(id, "Ok"), message("new@service.example"), "sender"},
		"UnknownIDs":         {accepted("", ""), message("new@service.example"), "sender"},
	} {
		t.Run(name, func(t *testing.T) {
			withMailbox(t, imaptest.Config{}, func(f *fixture) {
				f.deliver("INBOX", message("before@client.example")) // from and to the same, and too early
				watch := f.watch()
				f.deliver("INBOX", "From: someone@else.example\r\nTo: "+recipient+"\r\nMessage-ID: <other@else.example>\r\n\r\n")
				f.deliver("INBOX", tt.message)
				arrival, err := f.find(watch, tt.sent)
				if err != nil || arrival.FoundBy != tt.by || arrival.Place != site.PlaceInbox || arrival.Folder != "INBOX" || arrival.At.IsZero() {
					t.Errorf("got %+v, %v", arrival, err)
				}
			})
		})
	}
}

func TestDoesNotTakeOtherMessages(t *testing.T) {
	for name, messages := range map[string][]string{
		"OtherSender":          {"From: someone@else.example\r\nTo: " + recipient + "\r\nMessage-ID: <other@else.example>\r\n\r\n"},
		"OtherRecipient":       {"From: " + sender + "\r\nTo: else@agency.example\r\nMessage-ID: <other@client.example>\r\n\r\n"},
		"TwoAlike":             {message("one@service.example"), message("two@service.example")},
		"NoHeaderAtAll":        {"\x00\xff\r\n\r\n", "no header\r\n\r\n"},
		"ShortIDIsNotAReply":   {"From: a@else.example\r\nMessage-ID: <Ok@else.example>\r\n\r\n"},
		"NothingArrives":       nil,
		"IDInAnotherField":     {"From: a@else.example\r\nSubject: " + id + "\r\nMessage-ID: <x@else.example>\r\n\r\n"},
		"IDThatMerelyContains": {"From: a@else.example\r\nMessage-ID: <x" + id + ">\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			withMailbox(t, imaptest.Config{}, func(f *fixture) {
				watch, began := f.watch(), time.Now()
				for _, m := range messages {
					f.deliver("INBOX", m)
				}
				arrival, err := f.find(watch, accepted(id, "Ok: queued"))
				if shortfallOf(err) != site.NotArrived {
					t.Errorf("got %+v, %v", arrival, err)
				}
				if waited := time.Since(began); waited < time.Minute || waited > time.Minute+time.Second {
					t.Errorf("waited for %s", waited)
				}
			})
		})
	}
}

// A message that is known by sender and recipient only is that of neither of two tests that send alike, at once or soon after.
func TestSendersAloneDoNotTellTestsApart(t *testing.T) {
	unknown := accepted("", "Ok")
	t.Run("AtOnce", func(t *testing.T) {
		withMailbox(t, imaptest.Config{}, func(f *fixture) {
			first, second := f.watch(), f.watch()
			f.deliver("INBOX", message("new@service.example"))
			for _, watch := range []site.Watch{first, second} {
				if arrival, err := f.find(watch, unknown); shortfallOf(err) != site.NotArrived {
					t.Errorf("got %+v, %v", arrival, err)
				}
			}
		})
	})
	t.Run("LateMessageOfAnEarlierTest", func(t *testing.T) {
		withMailbox(t, imaptest.Config{}, func(f *fixture) {
			if _, err := f.find(f.watch(), unknown); shortfallOf(err) != site.NotArrived {
				t.Fatal(err)
			}
			watch := f.watch()
			f.deliver("INBOX", message("late@service.example"))
			if arrival, err := f.find(watch, unknown); shortfallOf(err) != site.NotArrived {
				t.Errorf("got %+v, %v", arrival, err)
			}
		})
	})
}

func TestPlace(t *testing.T) {
	gmail := map[string]imap.MailboxAttr{"[Gmail]/All Mail": imap.MailboxAttrAll, "[Gmail]/Spam": imap.MailboxAttrJunk}
	for name, tt := range map[string]struct {
		folders map[string]imap.MailboxAttr
		noMarks bool
		in      []string
		folder  string
		place   site.Place
		// waits: only once the message should have come, all folders are looked into.
		waits bool
	}{
		"Junk":               {nil, false, []string{"Junk"}, "Junk", site.PlaceJunk, false},
		"JunkByName":         {map[string]imap.MailboxAttr{"Mail/Spam": ""}, true, []string{"Mail/Spam"}, "Mail/Spam", site.PlaceJunk, false},
		"InboxOfGmail":       {gmail, false, []string{"[Gmail]/All Mail", "INBOX"}, "INBOX", site.PlaceInbox, false},
		"SpamOfGmail":        {gmail, false, []string{"[Gmail]/Spam"}, "[Gmail]/Spam", site.PlaceJunk, false},
		"ArchivedAtGmail":    {gmail, false, []string{"[Gmail]/All Mail"}, "[Gmail]/All Mail", site.PlaceOther, false},
		"MovedByAFilter":     {nil, false, []string{"Archive"}, "Archive", site.PlaceOther, true},
		"HostileName":        {map[string]imap.MailboxAttr{"a\x1b[31mb": ""}, false, []string{"a\x1b[31mb"}, "ab", site.PlaceOther, true},
		"CopyInTheInboxWins": {nil, false, []string{"Junk", "INBOX"}, "INBOX", site.PlaceInbox, false},
	} {
		t.Run(name, func(t *testing.T) {
			withMailbox(t, imaptest.Config{Folders: tt.folders, NoMarks: tt.noMarks}, func(f *fixture) {
				watch, began := f.watch(), time.Now()
				for _, folder := range tt.in {
					f.deliver(folder, message(id))
				}
				arrival, err := f.find(watch, accepted(id, "Ok"))
				if err != nil || arrival.Folder != tt.folder || arrival.Place != tt.place {
					t.Errorf("got %+v, %v", arrival, err)
				}
				if waited := time.Since(began); (waited >= time.Minute) != tt.waits {
					t.Errorf("waited for %s", waited)
				}
			})
		})
	}
}

// Gmail may show a message among all mail first.
func TestWaitsForTheInboxAfterTheArchive(t *testing.T) {
	withMailbox(t, imaptest.Config{Folders: map[string]imap.MailboxAttr{"All": imap.MailboxAttrAll}}, func(f *fixture) {
		watch := f.watch()
		f.deliver("All", message(id))
		time.AfterFunc(400*time.Millisecond, func() { f.deliver("INBOX", message(id)) })
		if arrival, err := f.find(watch, accepted(id, "Ok")); err != nil || arrival.Place != site.PlaceInbox {
			t.Errorf("got %+v, %v", arrival, err)
		}
	})
}

func TestLaterDelivery(t *testing.T) {
	for after, atMost := range map[time.Duration]time.Duration{
		time.Second:      300 * time.Millisecond,
		20 * time.Second: time.Second,
		50 * time.Second: 5 * time.Second,
	} {
		withMailbox(t, imaptest.Config{}, func(f *fixture) {
			watch, began := f.watch(), time.Now()
			time.AfterFunc(after, func() { f.deliver("INBOX", message(id)) })
			_, err := f.find(watch, accepted(id, "Ok"))
			if late := time.Since(began) - after; err != nil || late > atMost {
				t.Errorf("after %s: found %s later, %v", after, late, err)
			}
		})
	}
}

func TestCancelledSearchEnds(t *testing.T) {
	withMailbox(t, imaptest.Config{}, func(f *fixture) {
		ctx, cancel := context.WithTimeout(f.Context(), 3*time.Second)
		defer cancel()
		watch, other := f.watch(), f.watch()
		if _, err := watch.Find(ctx, accepted(id, "Ok"), time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		watch.Close()
		f.deliver("INBOX", message("other@client.example"))
		if _, err := f.find(other, accepted("other@client.example", "Ok")); err != nil {
			t.Errorf("canceling one search ended another: %v", err)
		}
	})
}

// 300 tests, ten at a time, over one connection, with messages that arrive at once.
func TestManyTestsShareOneConnection(t *testing.T) {
	withMailbox(t, imaptest.Config{}, func(f *fixture) {
		began := time.Now()
		turns := make(chan struct{}, 10)
		var all sync.WaitGroup
		for i := range 300 {
			all.Go(func() {
				turns <- struct{}{}
				defer func() { <-turns }()
				own := fmt.Sprintf("%04d-0123456789abcdef@client.example", i)
				watch, err := f.mailbox.Watch(f.Context(), sender, recipient)
				if err != nil {
					t.Error(err)
					return
				}
				<-time.After(100 * time.Millisecond) // how long a test takes
				f.deliver("INBOX", message(own))
				if arrival, err := f.find(watch, accepted(own, "Ok")); err != nil || arrival.FoundBy != "message_id" {
					t.Errorf("message %d: got %+v, %v", i, arrival, err)
				}
			})
		}
		all.Wait()
		if added := time.Since(began) - 30*100*time.Millisecond; added > 15*time.Second {
			t.Errorf("the search took %s longer", added)
		}
		if seen := f.server.Seen(); seen.MostAtOnce != 1 {
			t.Errorf("got %+v", seen)
		}
	})
}

func TestAuthenticationComesWithTheArrival(t *testing.T) {
	withMailbox(t, imaptest.Config{}, func(f *fixture) {
		watch := f.watch()
		f.deliver("INBOX", message(id,
			"Authentication-Results: "+receiver+"; dmarc=fail (p=none) header.from=client.example",
			"Authentication-Results: "+receiver+"; spf=pass smtp.mailfrom=bounce@esp.example;\r\n dkim=pass header.d=esp.example",
			"Authentication-Results: "+receiver+"; dmarc=pass header.from=client.example",
			"Authentication-Results: forged.example; dkim=pass header.d=client.example"))
		arrival, err := f.find(watch, accepted(id, "Ok"))
		want := site.Arrival{
			At: arrival.At, Folder: "INBOX", Place: site.PlaceInbox, Receiver: receiver, FoundBy: "message_id",
			SPF: site.AuthResult{Result: "pass", Domain: "esp.example"}, DKIM: site.AuthResult{Result: "pass", Domain: "esp.example"},
			DMARC: site.AuthResult{Result: "fail", Domain: "client.example"},
		}
		if err != nil || arrival != want {
			t.Errorf("got %+v, %v", arrival, err)
		}
	})
}

// What a message says counts for nothing where the name of the receiver is not known.
func TestUnknownReceiverChecksNothing(t *testing.T) {
	withMailbox(t, imaptest.Config{}, func(f *fixture) {
		f.config.Receiver = ""
		watch, err := newMailbox(f).Watch(f.Context(), sender, recipient)
		if err != nil {
			t.Fatal(err)
		}
		f.deliver("INBOX", message(id, "Authentication-Results: "+receiver+"; spf=pass; dkim=pass; dmarc=pass header.from=client.example"))
		arrival, err := f.find(watch, accepted(id, "Ok"))
		if err != nil || arrival.DMARC.Result != "" || arrival.Shortfall(site.Authenticated) != site.Unchecked {
			t.Errorf("got %+v, %v", arrival, err)
		}
	})
}

func TestLargeHeaderIsBounded(t *testing.T) {
	withMailbox(t, imaptest.Config{}, func(f *fixture) {
		watch := f.watch()
		f.deliver("INBOX", message(id, "Authentication-Results: "+receiver+"; x="+strings.Repeat("a", 1<<20)))
		// The id stands behind what is read: the message is known by nothing.
		if arrival, err := f.find(watch, accepted(id, "Ok")); shortfallOf(err) != site.NotArrived {
			t.Errorf("got %+v, %v", arrival, err)
		}
	})
}
