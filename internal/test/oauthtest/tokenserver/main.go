// Command tokenserver runs github.com/zitadel/oidc, an OpenID provider that people use in production, on loopback. Each line on its
// standard input is a configuration in JSON: its applications replace the previous ones, and its refresh tokens are added. The command
// answers each line with one line, the URL of the issuer. It exits at the end of its standard input.
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
	slog.SetDefault(slog.New(slog.DiscardHandler)) // refusals are in the responses
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
	go func() { _ = server.Serve(listener) }() // returns when the program exits
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
