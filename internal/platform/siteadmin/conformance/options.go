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

const usage = `conformance checks a site that speaks the site admin contract, at <url>/admin/api/v1.

THE SITE'S MAIL SETTINGS ARE OVERWRITTEN AND CLEARED, again and again; at the end they are clear. Run it against a site
that nobody needs. One that has settings is refused, unless -overwrite says that they may go.

Test messages go to mail servers that this command starts on this machine; the site must be allowed to send there, although the
address is not public. Most are without encryption. To check that the site accepts a trusted certificate too, run the command
once with -mail-ca FILE, start the site so that it trusts the authority in FILE, and run it again. A site that names oauth2 in
auth_methods also fetches tokens from endpoints of this command. For a site elsewhere, forward
a port of it, such as with "ssh -R 2525:127.0.0.1:2525", and give -mail-listen 127.0.0.1:2525; or name a mail server with -mail-host,
-mail-port, -mail-encryption and -mail-username. It gets about 35 messages for -recipient, which are not counted then.

Environment:
  SMTP_SITE_TOKEN       the API token, where -token would show it to others on this machine
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
	f.StringVar(&o.url, "url", "", "`address` of the site, as url of the provider")
	f.TextVar(&token, "token", adminapi.Secret{}, "API `token` of the site")
	f.StringVar(&o.account.Username, "username", "", "`name` to log in with instead of a token")
	f.StringVar(&o.ca, "ca", "", "`file` with an authority in PEM that signs the site's certificate, beside the system's")
	f.StringVar(&o.recipient, "recipient", "ops@example.com", "`address` that the test messages are for")
	f.StringVar(&o.listen, "mail-listen", "127.0.0.1:0", "`address` that the mail server of this command listens on")
	f.StringVar(&o.mail.Host, "mail-host", "", "`name` of a mail server to use instead")
	f.IntVar(&o.mail.Port, "mail-port", 587, "its `port`")
	f.StringVar(&encryption, "mail-encryption", string(site.STARTTLS), "its encryption: starttls, tls or none")
	f.StringVar(&o.mail.Username, "mail-username", "", "`name` to log in there with; also the sender")
	f.StringVar(&only, "run", "", "`pattern` of the checks to run, a regular expression; without it all")
	f.StringVar(&o.mailCA, "mail-ca", "", "`file` with an authority that the site trusts for mail servers, certificate and key in PEM; created when there is none")
	f.BoolVar(&o.limits, "limits", false, "check last, with limits as in production, that the site limits logins, guesses and test messages")
	f.BoolVar(&o.overwrite, "overwrite", false, "the site has settings, and they may go")
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

// check returns an error unless the flags say what is needed.
func (o options) check(token adminapi.Secret) error {
	switch {
	case o.url == "":
		return errors.New("-url is missing")
	case !token.IsEmpty() && o.account.Username != "":
		return errors.New("-token and -username exclude each other")
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
