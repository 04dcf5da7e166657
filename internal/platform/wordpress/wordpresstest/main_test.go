//go:build linux && wordpress

package wordpresstest_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/sitemail/terraform-provider-smtp/internal/platform/wordpress/wordpresstest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// wordpress serves the sites of all tests; ca signs the certificates of their mail servers.
var (
	wordpress *wordpresstest.Server
	ca        *smtptest.CA
)

func TestMain(m *testing.M) {
	flag.Parse()
	if err := run(m); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(m *testing.M) (err error) {
	if ca, err = smtptest.NewCA(); err != nil {
		return err
	}
	wordpress, err = wordpresstest.Start(context.Background(), wordpresstest.Config{
		CAPEM: ca.PEM(),
		// To run the tests with another version of WordPress than Debian's.
		Files: os.Getenv("WORDPRESS_FILES"),
	})
	if err != nil {
		return err
	}
	code := m.Run()
	log, err := wordpress.Log()
	if err := wordpress.Close(); err != nil {
		return err
	}
	switch {
	case err != nil:
		return err
	case code != 0:
		return fmt.Errorf("PHP logged:\n%s", withoutCalls(log))
	case strings.Contains(log, canary):
		return fmt.Errorf("the log shows a password:\n%s", log)
	}
	if err := goleak.Find(); err != nil {
		return err
	}
	// Of the contract, everything must have been seen; only a run of all tests can tell.
	if all := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.list").Value.String() == ""; all {
		return contract.complete()
	}
	return nil
}

// withoutCalls drops the lines that the web server writes for each connection.
func withoutCalls(log string) string {
	var kept []string
	for line := range strings.Lines(log) {
		if !strings.HasSuffix(line, "Accepted\n") && !strings.HasSuffix(line, "Closing\n") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}
