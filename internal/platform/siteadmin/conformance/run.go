package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/siteadmin"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/site/sitetest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/contracttest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// clearTimeout is the timeout of the final clearing, which also runs after an interrupt.
const clearTimeout = 30 * time.Second

// operations maps the groups of the suite to operations of the contract.
var operations = map[string]string{
	"Read": "getSMTP", "Test": "putTest", "Save": "putSMTP", "Enable": "putSMTP", "Clear": "deleteSMTP", "Apply": "putSMTP", "Destroy": "putSMTP",
}

// run executes the command. It returns an error if the site could not be checked, or if a check failed.
func run(ctx context.Context, args []string, env func(string) string, out, stderr io.Writer) (err error) {
	o, err := parseOptions(args, env, stderr)
	if err != nil {
		return err
	}
	out = &lines{out: out}
	// Create the authority first: the site cannot be started before the authority that it must trust exists.
	authority, err := loadAuthority(o.mailCA)
	if err != nil {
		return err
	}
	pool := adminapi.NewPool(adminapi.PoolOptions{UserAgent: "terraform-provider-smtp-conformance"})
	defer pool.Close()
	if err := o.announce(ctx, pool, out); err != nil {
		return err
	}
	target, mail, err := o.target()
	if err != nil {
		return err
	}
	if mail != nil {
		defer func() { err = errors.Join(err, mail.Close()) }()
	}
	tap, err := o.tap(ctx, out, target)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tap.close()) }()
	s, err := siteadmin.Open(pool, adminapi.Config{URL: tap.url, Limits: adminapi.DefaultLimits()}, o.account)
	if err != nil {
		return err
	}
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), clearTimeout)
		defer cancel()
		err = errors.Join(err, clearSite(last, s))
	}()
	if err := o.canSend(ctx, s, target, mail); err != nil {
		return err
	}
	tap.noted() // discard: the checks will note the same again
	r := &report{out: out, tap: tap, only: o.only}
	r.suite(ctx, s, target)
	visitor := visitor{cleared: s, account: &o.account, target: target, url: tap.url, mail: mail}
	r.rules(ctx, visitor)
	r.encryption(ctx, visitor, authority)
	r.tokenLogins(ctx, visitor)
	if o.limits {
		r.limits(ctx, visitor)
	} else {
		fmt.Fprintln(out, "NOTE  Limits are not checked: use -limits, on a site with limits as in production.")
	}
	return r.verdict(ctx)
}

// announce prints which site is checked and that its settings will be overwritten. It returns an error if they must not be.
func (o options) announce(ctx context.Context, pool *adminapi.Pool, out io.Writer) error {
	s, err := siteadmin.Open(pool, adminapi.Config{
		URL: o.url, TLS: adminapi.TLS{CACertificate: o.caPEM}, Limits: adminapi.DefaultLimits(),
	}, o.account)
	if err != nil {
		return err
	}
	state, err := s.Read(ctx)
	if err != nil {
		return err
	}
	if !isClear(state) && !o.overwrite {
		return fmt.Errorf("%s has mail settings, which this command would overwrite and clear. Nothing was changed; use -overwrite to allow it", o.url)
	}
	fmt.Fprintf(out, "Checking %s, site_id %s.\nIts mail settings are overwritten and cleared repeatedly; in the end they are cleared.\n\n", o.url, state.SiteID)
	return nil
}

// target returns the mail server that the checks send through: that of this command or, with a nil mail, the one that the flags name.
func (o options) target() (t sitetest.Target, mail *smtptest.Server, err error) {
	to, password := o.mail, o.mailPassword
	if to.Host == "" {
		to, password = site.Settings{Encryption: site.NoEncryption, Username: "mailer@example.com"}, secret.New(uuid.NewString())
		mail, err = smtptest.New(smtptest.Config{
			Address: o.listen, Encryption: to.Encryption, Users: map[string]secret.Text{to.Username: password},
		})
		if err != nil {
			return t, nil, err
		}
		to.Host, to.Port = mail.Host(), mail.Port()
		t.Inbox = func() int { return mail.Counters().Messages }
	}
	t.Good, t.Bad = sitetest.Candidates(to.Host, to.Port, to.Encryption, to.Username, password)
	t.Bad.Password = secret.New(uuid.NewString())
	t.Recipient, t.Single = o.recipient, true
	return t, mail, nil
}

// canSend makes sure that the site can send through the mail server, because nearly all checks depend on it.
func (o options) canSend(ctx context.Context, s site.Site, target sitetest.Target, mail *smtptest.Server) error {
	result, err := s.Test(ctx, site.TestRequest{Candidate: &target.Good, Recipient: target.Recipient})
	if err != nil {
		return fmt.Errorf("requesting a test message through %s:%d failed: %w", target.Good.Settings.Host, target.Good.Settings.Port, err)
	}
	if result.Status == site.Passed {
		return nil
	}
	why := result.Error
	if result.Reply != nil {
		why = fmt.Sprint(result.Reply.Code, " ", result.Reply.Text)
	}
	where := fmt.Sprintf("%s:%d, stage %s: %s", target.Good.Settings.Host, target.Good.Settings.Port, result.Stage, why)
	if mail != nil && (result.Stage == site.StageDNS || result.Stage == site.StageConnect) {
		return fmt.Errorf("the site cannot reach the mail server of this command (%s): allow it to send there, or see -mail-listen and -mail-host", where)
	}
	return fmt.Errorf("a test with the right password ends as %s (%s), but the checks need it to pass", result.Status, where)
}

// contract is the contract that each exchange is checked against. It is loaded once, because that costs as much as a hundred checks.
var contract = sync.OnceValues(func() (*contracttest.Document, error) { return contracttest.Load(siteadmin.Contract()) })

func (o options) tap(ctx context.Context, out io.Writer, target sitetest.Target) (*tap, error) {
	contract, err := contract()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	if o.caPEM != nil {
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		roots.AppendCertsFromPEM(o.caPEM)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return openTap(ctx, out, o.url, transport, contract, target.Good.Password, target.Bad.Password, o.account.Password, o.account.Token)
}

// suite runs the conformance suite that every platform passes.
func (r *report) suite(ctx context.Context, s site.Site, target sitetest.Target) {
	for group, checks := range sitetest.Checks(target, site.CapabilitiesOf(s)) {
		for _, c := range checks {
			r.check(ctx, group+"/"+c.Name, operations[group], func(t sitetest.T) {
				c.Run(t, func() site.Site {
					mustClear(t, s)
					return s
				})
			})
		}
	}
}

func mustClear(t sitetest.T, s site.Site) {
	if err := clearSite(t.Context(), s); err != nil {
		t.Fatalf("clear the site: %v", err)
	}
}

func clearSite(ctx context.Context, s site.Site) error {
	state, err := s.Read(ctx)
	if err != nil || isClear(state) {
		return err
	}
	return s.Clear(ctx, site.ClearRequest{Revision: state.Revision, SiteID: state.SiteID})
}

func isClear(s site.State) bool { return s.IsClear() && !s.Enabled }

// verdict prints the counts. It returns an error if a check failed, if none ran, or if the run was interrupted.
func (r *report) verdict(ctx context.Context) error {
	fmt.Fprintf(r.out, "\n%d checks, %d failed.\n", r.checks, r.failed)
	if r.failed > 0 {
		return errors.Join(fmt.Errorf("%d of %d checks failed", r.failed, r.checks), ctx.Err())
	}
	if r.checks == 0 {
		return errors.New("no check matches -run")
	}
	return ctx.Err()
}
