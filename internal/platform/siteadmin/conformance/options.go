package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

const usage = `conformance checks a site that implements the site admin contract, at <url>/admin/api/v1.

THE SITE'S MAIL SETTINGS ARE OVERWRITTEN AND CLEARED repeatedly; in the end they are cleared. Run it only against a site that
is not in use. A site that has settings is refused, unless -overwrite allows overwriting them.

Test messages go to mail servers that this command starts on this machine; the site must be allowed to send there, although the
address is not public. Most use no encryption. To also check that the site accepts a trusted certificate, run the command once
with -mail-ca FILE, start the site so that it trusts the authority in FILE, and run the command again. A site with oauth2 in its
auth_methods also fetches tokens from endpoints of this command. If the site runs on another machine, forward a port from there,
for example with "ssh -R 2525:127.0.0.1:2525", and use -mail-listen 127.0.0.1:2525. Or name a mail server with -mail-host,
-mail-port, -mail-encryption and -mail-username: it receives about 35 messages for -recipient, which the checks do not count.

Environment:
  SMTP_SITE_TOKEN       the API token; -token would show it to other users of this machine
  SMTP_SITE_PASSWORD    the password of -username
  SMTP_MAIL_PASSWORD    the password of -mail-username

Flags:
`

// options are the flags, with the secrets of the environment.
type options struct {
	url, ca      string
	account      adminapi.Account
	caPEM        []byte
	listen       string
	mail         site.Settings
	mailPassword secret.Text
	recipient    string
	mailCA       string
	overwrite    bool
	limits       bool
	only         *regexp.Regexp
}

func parseOptions(args []string, env func(string) string, stderr io.Writer) (options, error) {
	var o options
	var token adminapi.Secret
	var encryption, only string
	f := flag.NewFlagSet("conformance", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		_, _ = io.WriteString(stderr, usage)
		f.PrintDefaults()
	}
	f.StringVar(&o.url, "url", "", "`URL` of the site, as in the provider's url")
	f.TextVar(&token, "token", adminapi.Secret{}, "API `token` of the site")
	f.StringVar(&o.account.Username, "username", "", "`username` to log in with instead of a token")
	f.StringVar(&o.ca, "ca", "", "`file` with a CA certificate (PEM) to trust for the site, in addition to the system's")
	f.StringVar(&o.recipient, "recipient", "ops@example.com", "`address` that receives the test messages")
	f.StringVar(&o.listen, "mail-listen", "127.0.0.1:0", "`address` on which the mail server of this command listens")
	f.StringVar(&o.mail.Host, "mail-host", "", "`host` of a mail server to use instead")
	f.IntVar(&o.mail.Port, "mail-port", 587, "`port` of that mail server")
	f.StringVar(&encryption, "mail-encryption", string(site.STARTTLS), "encryption of that mail server: starttls, tls or none")
	f.StringVar(&o.mail.Username, "mail-username", "", "`username` at that mail server; also the sender")
	f.StringVar(&only, "run", "", "`regexp` that selects the checks to run; default: all")
	f.StringVar(&o.mailCA, "mail-ca", "", "`file` with the certificate and key (PEM) of an authority that the site trusts for mail servers; created if it does not exist")
	f.BoolVar(&o.limits, "limits", false, "also check that the site limits logins, guesses and test messages; needs limits as in production")
	f.BoolVar(&o.overwrite, "overwrite", false, "allow overwriting the settings that the site has")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.mail.Encryption = site.Encryption(encryption)
	o.mailPassword = secret.New(env("SMTP_MAIL_PASSWORD"))
	if o.account.Username != "" {
		o.account.Password = secret.New(env("SMTP_SITE_PASSWORD"))
	} else if o.account.Token = token.Text; token.IsEmpty() {
		o.account.Token = secret.New(env("SMTP_SITE_TOKEN"))
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q", f.Arg(0))
	}
	pattern, err := regexp.Compile(only)
	o.only = pattern
	if err == nil && o.ca != "" {
		o.caPEM, err = os.ReadFile(o.ca)
	}
	return o, errors.Join(err, o.check(token))
}

// check returns an error if a required flag is missing or flags contradict each other.
func (o options) check(token adminapi.Secret) error {
	switch {
	case o.url == "":
		return errors.New("-url is missing")
	case !token.IsEmpty() && o.account.Username != "":
		return errors.New("-token and -username are mutually exclusive")
	case o.account.Username != "" && o.account.Password.IsEmpty():
		return errors.New("-username needs its password in SMTP_SITE_PASSWORD")
	case o.account.Username == "" && o.account.Token.IsEmpty():
		return errors.New("-token (or SMTP_SITE_TOKEN) or -username is missing")
	case (o.mail.Host == "") != (o.mail.Username == ""):
		return errors.New("-mail-host and -mail-username go together")
	case o.mail.Username != "" && o.mailPassword.IsEmpty():
		return errors.New("-mail-username needs its password in SMTP_MAIL_PASSWORD")
	}
	return nil
}
