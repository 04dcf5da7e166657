// Command tokenserver is an OpenID provider on loopback: github.com/zitadel/oidc, which people run in production, with the applications
// that a test gives it. Each line on its standard input is a configuration as JSON, which replaces the applications and adds to the
// refresh tokens; each is answered with one line, the address of the issuer. It ends with its standard input.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(in io.Reader, out io.Writer) error {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // a refusal is in the answer, too
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	issuer := "http://" + listener.Addr().String()
	store, err := newStorage()
	if err != nil {
		return err
	}
	handler, err := newProvider(issuer, store)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // it ends with the program
	lines := json.NewDecoder(in)
	for {
		var c config
		switch err := lines.Decode(&c); {
		case err == io.EOF:
			return server.Close()
		case err != nil:
			return err
		}
		if err := store.configure(c); err != nil {
			return err
		}
		fmt.Fprintln(out, issuer)
	}
}
