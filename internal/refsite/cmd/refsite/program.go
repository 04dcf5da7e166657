package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// admin is the username of a site's first login.
const admin = "admin"

// program is the command with its environment.
type program struct {
	env            func(string) string
	stdout, stderr io.Writer
}

// run executes the command in args. Serving ends with ctx.
func (p program) run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 2 && args[0] == "key":
		return p.addKey(args[1])
	case len(args) > 0 && args[0] == "serve":
		return p.serve(ctx, args[1:])
	default:
		_, err := parseOptions([]string{"-help"}, p.stderr)
		if len(args) > 0 && !isHelp(args[0]) {
			err = fmt.Errorf("unknown command %q", args[0])
		}
		return err
	}
}

func isHelp(arg string) bool {
	return arg == "-h" || arg == "-help" || arg == "--help" || arg == "help"
}

func (p program) addKey(path string) error {
	version, err := seal.Rotate(path)
	if err != nil {
		return err
	}
	return p.print(map[string]any{"key_file": path, "version": version})
}

func (p program) serve(ctx context.Context, args []string) error {
	o, err := parseOptions(args, p.stderr)
	if err != nil {
		return err
	}
	certs, err := o.certificates()
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return err
	}
	defer l.Close()
	if certs == nil && !o.behindProxy && !isLoopback(l.Addr()) {
		return fmt.Errorf("refusing to serve passwords over plain HTTP on %s: use -tls-cert and -tls-key, or -behind-proxy", l.Addr())
	}
	server, err := p.open(o)
	if err != nil {
		return err
	}
	err = p.prepare(ctx, server, o)
	if err == nil {
		err = p.print(map[string]any{"listening": l.Addr().String()})
	}
	if err != nil {
		return errors.Join(err, server.Close(context.WithoutCancel(ctx)))
	}
	return server.Serve(ctx, l, certs)
}

// open opens the data file.
func (p program) open(o options) (*refsite.Server, error) {
	networks, err := o.networks()
	if err != nil {
		return nil, err
	}
	roots, err := o.roots()
	if err != nil {
		return nil, err
	}
	keys, err := p.loadKeys(o)
	if err != nil {
		return nil, err
	}
	return refsite.New(refsite.Config{
		DataFile:      o.data,
		Keys:          keys,
		AllowNetworks: networks,
		RootCAs:       roots,
		TestEvery:     o.testEvery,
		TestBurst:     o.testBurst,
		BehindProxy:   o.behindProxy,
		Hosts:         o.hosts,
		Logger:        slog.New(slog.NewJSONHandler(p.stderr, nil)),
	})
}

func (p program) loadKeys(o options) (seal.Keys, error) {
	if o.keys != "" {
		return seal.Load(o.keys)
	}
	return seal.Parse(secret.New(p.env("REFSITE_KEYS")))
}

// prepare creates missing sites and prints their secrets, which are shown only once.
func (p program) prepare(ctx context.Context, server *refsite.Server, o options) error {
	names, err := o.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := server.Site(name); err == nil {
			continue
		}
		c, err := server.AddSite(name)
		if err != nil {
			return err
		}
		if err := p.printAccess(ctx, server, name, c.Token); err != nil {
			return err
		}
	}
	for _, name := range o.resets {
		token, err := server.ResetToken(name)
		if err != nil {
			return err
		}
		if err := p.printAccess(ctx, server, name, token); err != nil {
			return err
		}
	}
	return nil
}

func (p program) printAccess(ctx context.Context, server *refsite.Server, name string, token secret.Text) error {
	password, err := server.AddLogin(ctx, name, admin)
	if err != nil {
		return err
	}
	return p.print(map[string]any{"site": name, "token": token.Reveal(), "username": admin, "password": password.Reveal()})
}

// print writes one line of JSON.
func (p program) print(line map[string]any) error { return json.NewEncoder(p.stdout).Encode(line) }

// certificates returns the TLS configuration, or nil for plain HTTP.
func (o options) certificates() (*tls.Config, error) {
	if o.tlsCert == "" && o.tlsKey == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(o.tlsCert, o.tlsKey)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
