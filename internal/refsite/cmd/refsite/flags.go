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

const usage = `refsite is a site whose outgoing mail is managed through the site admin contract.

  refsite key FILE       add a version to the sealing key in FILE, or create FILE; the one before may go when the server
                         has run with both for a day
  refsite serve FLAGS    serve the admin page at /<site>/admin, the contract below /<site>/admin/api/v1

A site that is named and does not exist yet is created. Its API token and the password of its login "admin" are
printed once, as one line of JSON on standard output; the log goes to standard error.

The environment variable REFSITE_KEYS can hold what would be in the file of -keys: VERSION:KEY, separated by white
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
	f.StringVar(&o.data, "data", "", "`file` that holds the sites; created when there is none")
	f.StringVar(&o.keys, "keys", "", "`file` with the sealing key, readable by its owner only; without it REFSITE_KEYS counts")
	f.StringVar(&o.tlsCert, "tls-cert", "", "`file` with the certificate chain in PEM")
	f.StringVar(&o.tlsKey, "tls-key", "", "`file` with the certificate's key in PEM")
	f.BoolVar(&o.behindProxy, "behind-proxy", false, "a proxy that nobody can go around terminates TLS and sets X-Forwarded-For")
	f.Var(&o.hosts, "host", "`name` that the server is reached by, besides IP addresses and localhost; can be repeated")
	f.StringVar(&o.ca, "ca", "", "`file` with the authorities in PEM that sign certificates of submission servers, instead of the system's")
	f.Var(&o.sites, "site", "`name` of a site; can be repeated")
	f.StringVar(&o.sitesFile, "sites", "", "`file` with names of sites, one a line")
	f.Var(&o.resets, "reset", "`name` of a site that gets a new token and a new password for admin; can be repeated")
	f.Var(&o.allowNets, "allow-network", "`network` such as 10.1.0.0/16 that test messages may be sent to although it is not public; can be repeated")
	f.DurationVar(&o.testEvery, "test-every", 0, "`time` in which a site may send one more test message (default 10s)")
	f.IntVar(&o.testBurst, "test-burst", 0, "`number` of test messages that a site may send at once (default 20)")
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

// names are the sites that are to exist.
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

// roots is nil for the system's.
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
		return nil, fmt.Errorf("-ca: %s holds no certificate", o.ca)
	}
	return pool, nil
}
