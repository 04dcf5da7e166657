package main

import (
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"
)

const usage = `refsite is a site whose outgoing mail is managed through the site admin API.

  refsite key FILE       add a version to the sealing key in FILE, or create FILE; the previous version may be removed
                         once the server has run with both for a day
  refsite serve FLAGS    serve the admin page at /<site>/admin and the API below /<site>/admin/api/v1

Named sites that do not exist yet are created. The API token of a new site and the password of its login "admin"
are printed once, as one line of JSON on standard output; the log goes to standard error.

Instead of a file (-keys), the environment variable REFSITE_KEYS can hold the keys: VERSION:KEY, separated by white
space, where KEY is 32 bytes in base64.

Flags of serve:
`

// options are the flags of serve.
type options struct {
	listen, data, keys       string
	tlsCert, tlsKey          string
	behindProxy              bool
	ca                       string
	sitesFile                string
	sites, resets, allowNets list
	hosts                    list
	testEvery                time.Duration
	testBurst                int
}

// list is a flag that can be given more than once.
type list []string

// String implements [flag.Value].
func (l *list) String() string { return strings.Join(*l, " ") }

// Set implements [flag.Value].
func (l *list) Set(s string) error {
	*l = append(*l, s)
	return nil
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("refsite serve", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		_, _ = io.WriteString(stderr, usage)
		f.PrintDefaults()
	}
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "`address` to listen on; plain HTTP is for loopback addresses only")
	f.StringVar(&o.data, "data", "", "`file` that stores the sites; created if it does not exist")
	f.StringVar(&o.keys, "keys", "", "`file` with the sealing keys, readable only by its owner; default: the keys in REFSITE_KEYS")
	f.StringVar(&o.tlsCert, "tls-cert", "", "`file` with the certificate chain (PEM)")
	f.StringVar(&o.tlsKey, "tls-key", "", "`file` with the certificate's key (PEM)")
	f.BoolVar(&o.behindProxy, "behind-proxy", false, "all requests come through a proxy that terminates TLS and sets X-Forwarded-For")
	f.Var(&o.hosts, "host", "`name` that the server answers to, besides IP addresses and localhost; can be repeated")
	f.StringVar(&o.ca, "ca", "", "`file` with the CA certificates (PEM) to trust for mail servers, instead of the system's")
	f.Var(&o.sites, "site", "`name` of a site; can be repeated")
	f.StringVar(&o.sitesFile, "sites", "", "`file` with names of sites, one per line")
	f.Var(&o.resets, "reset", "`name` of a site for which to create a new token and a new password of admin; can be repeated")
	f.Var(&o.allowNets, "allow-network", "private `network` such as 10.1.0.0/16 whose mail servers test messages may be sent to; can be repeated")
	f.DurationVar(&o.testEvery, "test-every", 0, "`time` after which a site may send another test message (default 10s)")
	f.IntVar(&o.testBurst, "test-burst", 0, "`number` of test messages that a site may send in a burst (default 20)")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q", f.Arg(0))
	}
	if o.data == "" {
		return o, errors.New("-data is missing")
	}
	return o, nil
}

// names returns the names of the sites that must exist.
func (o options) names() ([]string, error) {
	names := o.sites
	if o.sitesFile == "" {
		return names, nil
	}
	text, err := os.ReadFile(o.sitesFile)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if name := strings.TrimSpace(line); name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}

func (o options) networks() ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range o.allowNets {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("-allow-network: %w", err)
		}
		networks = append(networks, p)
	}
	return networks, nil
}

// roots returns the authorities in -ca; nil stands for the system's.
func (o options) roots() (*x509.CertPool, error) {
	if o.ca == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(o.ca)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("-ca: %s contains no certificate", o.ca)
	}
	return pool, nil
}
