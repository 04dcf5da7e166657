package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/imaptest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

const (
	username = "shop@client.example"
	// clientID is the application in the oauth2 story. Its secret is the password.
	clientID = "shop-mail"
)

// set is the stage of the story: real servers on this machine.
type set struct {
	// tokens is the OpenID provider, nil in a story without one.
	tokens *oauthtest.OpenID
	mail   *smtptest.Server
	// inbox is the recipient's mailbox; delivers determines the folder of new messages.
	inbox    *imaptest.Server
	delivers atomic.Pointer[delivery]
	password secret.Text
	site     *refsite.Server
	http     *http.Server
	url      string
	token    secret.Text
}

// build starts the set, with an OpenID provider if tokens is true. The caller closes it.
func build(ctx context.Context, dataFile string, tokens bool) (*set, error) {
	s := &set{password: secret.New("plum-anchor-willow-42")}
	if err := s.start(ctx, dataFile, tokens); err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	return s, nil
}

func (s *set) start(ctx context.Context, dataFile string, tokens bool) (err error) {
	config := smtptest.Config{Users: map[string]secret.Text{username: s.password}, Taken: s.deliver}
	if tokens {
		if s.tokens, err = oauthtest.NewOpenID(ctx); err != nil {
			return fmt.Errorf("start token server: %w", err)
		}
		if err := s.allow(s.password, username); err != nil {
			return err
		}
		config.CheckToken = s.tokens.Check
	}
	s.delivers.Store(&delivery{folder: "INBOX"})
	if s.inbox, err = imaptest.New(imaptest.Config{Username: recipient, Password: inboxPassword}); err != nil {
		return fmt.Errorf("start inbox: %w", err)
	}
	if s.mail, err = smtptest.New(config); err != nil {
		return fmt.Errorf("start mail server: %w", err)
	}
	s.site, err = refsite.New(refsite.Config{
		DataFile:      dataFile,
		Keys:          seal.Generate(),
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		RootCAs:       s.mail.RootCAs(),
		Logger:        slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return fmt.Errorf("start site: %w", err)
	}
	credentials, err := s.site.AddSite("shop")
	if err != nil {
		return fmt.Errorf("add site: %w", err)
	}
	s.token = credentials.Token
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.url = "http://" + listener.Addr().String() + "/shop"
	s.http = &http.Server{Handler: s.site.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(listener) }()
	return nil
}

// allow gives the application a secret, and lets it send the mail of the mailboxes.
func (s *set) allow(clientSecret secret.Text, mailboxes ...string) error {
	return s.tokens.SetApp(clientID, oauthtest.App{Secret: clientSecret, Mailboxes: mailboxes})
}

// close stops what was started, even after ctx has ended.
func (s *set) close(ctx context.Context) error {
	var errs []error
	if s.http != nil {
		errs = append(errs, s.http.Close())
	}
	if s.site != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		errs = append(errs, s.site.Close(ctx))
	}
	if s.mail != nil {
		errs = append(errs, s.mail.Close())
	}
	if s.inbox != nil {
		errs = append(errs, s.inbox.Close())
	}
	if s.tokens != nil {
		errs = append(errs, s.tokens.Close())
	}
	return errors.Join(errs...)
}

// holds returns the site's mail settings as indented JSON.
func (s *set) holds(ctx context.Context) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/admin/api/v1/smtp", http.NoBody)
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+s.token.Reveal())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the site answered %s: %s", response.Status, body)
	}
	var indented bytes.Buffer
	err = json.Indent(&indented, bytes.TrimSpace(body), "", "  ")
	return indented.String(), err
}
