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

// audience is the audience of the tokens of an [OpenID].
const audience = "https://mail.example.test"

// OpenID is a running zitadel/oidc, the program in the folder tokenserver. For faults, and for Microsoft's error texts, use [Server].
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

// NewOpenID builds and starts the program; the build cache makes that fast. The caller closes it. It also exits when this process does.
func NewOpenID(ctx context.Context) (*OpenID, error) {
	root, err := pinned.ModuleRoot(ctx)
	if err != nil {
		return nil, err
	}
	o := &OpenID{apps: map[string]App{}, lifetime: lifetime}
	// It needs no context, because it exits at the end of its standard input.
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

// URL returns the URL of the token endpoint.
func (o *OpenID) URL() string { return o.issuer + "/oauth/token" }

// SetApp adds an application, or changes its secret and its mailboxes. Rotates and Lifetime are ignored: every refresh token works once,
// and SetLifetime applies to all applications.
func (o *OpenID) SetApp(clientID string, app App) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.apps[clientID] = app
	return o.configure(nil)
}

// SetLifetime sets the lifetime of tokens issued from now on. If it is negative, they have already expired.
func (o *OpenID) SetLifetime(d time.Duration) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lifetime = d
	return o.configure(nil)
}

// Consent makes a refresh token with which an application may send a mailbox's mail.
func (o *OpenID) Consent(clientID, mailbox string, refreshToken secret.Text) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.configure(map[string]any{refreshToken.Reveal(): map[string]string{"ClientID": clientID, "Mailbox": mailbox}})
}

// configure sends the program its configuration. The caller holds the lock.
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

// Check verifies a login as a mail server does: the provider signed the token, its issuer and audience are right, it has not expired, and
// its subject is the mailbox, or an application with permission for the mailbox.
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
		return errors.New("the token has expired")
	case isApp && slices.Contains(app.Mailboxes, user), c.Subject == user:
		return nil
	}
	return errors.New("no permission for this mailbox")
}

// key fetches the key that the provider publishes for verifying its tokens (RFC 7517, RFC 7518 section 6.3.1).
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

// StartOpenID starts a provider, and closes it at the end of the test.
func StartOpenID(t TB) *OpenID {
	t.Helper()
	o, err := NewOpenID(context.Background())
	if err != nil {
		t.Fatalf("start OpenID provider: %v", err)
	}
	t.Cleanup(func() { _ = o.Close() })
	return o
}
