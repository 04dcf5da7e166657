package oauthtest

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/pinned"
)

// audience is whom the tokens of an [OpenID] are for.
const audience = "https://mail.example.test"

// OpenID is a running OpenID provider that is not ours: the program in the folder tokenserver. It knows nothing of faults, for which
// there is [Server].
type OpenID struct {
	issuer  string
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	answers *bufio.Scanner
	stderr  bytes.Buffer

	mu       sync.Mutex
	apps     map[string]App
	lifetime time.Duration
}

// NewOpenID builds the program, which Go's build cache keeps, and starts it; the caller closes it. It ends with this process, too.
func NewOpenID(ctx context.Context) (*OpenID, error) {
	root, err := pinned.ModuleRoot(ctx)
	if err != nil {
		return nil, err
	}
	o := &OpenID{apps: map[string]App{}, lifetime: lifetime}
	// Nothing has to end it: it ends with its standard input.
	o.cmd = exec.Command("go", "run", "-C", filepath.Join(root, "internal", "test", "oauthtest", "tokenserver"), ".")
	o.cmd.Stderr = &o.stderr
	if o.stdin, err = o.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := o.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	o.answers = bufio.NewScanner(stdout)
	if err := o.cmd.Start(); err != nil {
		return nil, err
	}
	if err := o.configure(nil); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	o.issuer = o.answers.Text()
	return o, nil
}

// Close stops the program.
func (o *OpenID) Close() error {
	_ = o.stdin.Close()
	if err := o.cmd.Wait(); err != nil {
		return fmt.Errorf("token server: %w\n%s", err, o.stderr.Bytes())
	}
	return nil
}

// URL is the address of the token endpoint.
func (o *OpenID) URL() string { return o.issuer + "/oauth/token" }

// SetApp adds an application, or changes its secret and its mailboxes. Every refresh token works once, and Lifetime is not looked at.
func (o *OpenID) SetApp(clientID string, app App) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.apps[clientID] = app
	return o.configure(nil)
}

// SetLifetime says how long the tokens last that are given out from now on; less than nothing for tokens that have ended.
func (o *OpenID) SetLifetime(d time.Duration) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lifetime = d
	return o.configure(nil)
}

// Consent is a person who allowed an application to send a mailbox's mail, with this refresh token.
func (o *OpenID) Consent(clientID, mailbox string, refreshToken secret.Text) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.configure(map[string]any{refreshToken.Reveal(): map[string]string{"ClientID": clientID, "Mailbox": mailbox}})
}

// configure tells the program everything, for who holds the lock.
func (o *OpenID) configure(refreshTokens map[string]any) error {
	apps := map[string]any{}
	for id, app := range o.apps {
		known := map[string]any{"Secret": app.Secret.Reveal()}
		if app.Key != nil {
			der, err := x509.MarshalPKIXPublicKey(app.Key)
			if err != nil {
				return err
			}
			known["PublicKey"], known["Mailboxes"] = der, app.Mailboxes
		}
		apps[id] = known
	}
	line, err := json.Marshal(map[string]any{
		"Audience": audience, "Scope": Scope, "Seconds": int(o.lifetime.Seconds()), "Apps": apps, "RefreshTokens": refreshTokens,
	})
	if err != nil {
		return err
	}
	if _, err := o.stdin.Write(append(line, '\n')); err != nil {
		return err
	}
	if !o.answers.Scan() {
		return errors.New("the token server does not answer")
	}
	return nil
}

// Check returns nil if the provider signed the token for the mail server, it has not ended, and the user's mail may be sent with it: by
// the person who is its subject, or by an application that has a permission for the mailbox. It is what a mail server asks.
func (o *OpenID) Check(user string, token secret.Text) error {
	parts := strings.Split(token.Reveal(), ".")
	if len(parts) != 3 {
		return errors.New("not a JSON Web Token")
	}
	key, err := o.key()
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, err := b64.DecodeString(parts[2])
	if err != nil || rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) != nil {
		return errors.New("signed by somebody else")
	}
	var c struct {
		Issuer   string   `json:"iss"`
		Subject  string   `json:"sub"`
		Audience []string `json:"aud"`
		Expires  int64    `json:"exp"`
	}
	payload, err := b64.DecodeString(parts[1])
	if err := errors.Join(err, json.Unmarshal(payload, &c)); err != nil {
		return err
	}
	o.mu.Lock()
	app, isApp := o.apps[c.Subject]
	o.mu.Unlock()
	switch {
	case c.Issuer != o.issuer || !slices.Contains(c.Audience, audience):
		return fmt.Errorf("the token of %s is for %q", c.Issuer, c.Audience)
	case !time.Now().Before(time.Unix(c.Expires, 0)):
		return errors.New("the token has ended")
	case isApp && slices.Contains(app.Mailboxes, user), c.Subject == user:
		return nil
	}
	return errors.New("no permission for this mailbox")
}

// key is what the provider publishes to verify its tokens (RFC 7517, RFC 7518 section 6.3.1).
func (o *OpenID) key() (*rsa.PublicKey, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, o.issuer+"/keys", http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var set struct {
		Keys []struct{ N, E string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&set); err != nil {
		return nil, err
	}
	if len(set.Keys) != 1 {
		return nil, fmt.Errorf("%d keys", len(set.Keys))
	}
	n, err := b64.DecodeString(set.Keys[0].N)
	e, err2 := b64.DecodeString(set.Keys[0].E)
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, errors.Join(err, err2)
}

// StartOpenID starts a provider that is closed with the test.
func StartOpenID(t TB) *OpenID {
	t.Helper()
	o, err := NewOpenID(context.Background())
	if err != nil {
		t.Fatalf("start OpenID provider: %v", err)
	}
	t.Cleanup(func() { _ = o.Close() })
	return o
}
