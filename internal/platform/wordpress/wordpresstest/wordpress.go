//go:build linux

// Package wordpresstest runs genuine WordPress sites with the plugin of internal/platform/wordpress on Debian's WordPress, PHP
// and MariaDB, which install.sh beside this file installs. The processes are its own, listen on loopback or on a
// socket in a temporary folder, and end with [Server.Close].
package wordpresstest

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/sitemail/terraform-provider-smtp/internal/platform/wordpress"
)

// workers is how many requests are served at once.
const workers = 12

//go:embed php
var scripts embed.FS

// Config configures the sites.
type Config struct {
	// CAPEM are the authorities, in PEM, that PHP trusts.
	CAPEM []byte
	// Files is the folder of WordPress' own files; empty means those of Debian's package.
	Files string
}

// Server serves WordPress sites.
type Server struct {
	// dir holds everything: databases, sites, logs.
	dir string
	// files are WordPress' own.
	files    string
	address  string
	database *process
	web      *process

	mu sync.Mutex
	// idle are the sites that no test uses now.
	idle []*Site
	made int
}

// Start starts a server without sites; the caller closes it.
func Start(ctx context.Context, c Config) (*Server, error) {
	dir, err := os.MkdirTemp("", "wordpress-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, files: cmp.Or(c.Files, "/usr/share/wordpress"), address: "127.0.0.1:0"}
	err = s.prepare(c)
	if err == nil {
		err = s.startDatabase(ctx)
	}
	if err == nil {
		err = s.startWeb()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close ends the processes and removes what they wrote.
func (s *Server) Close() error {
	if s.web != nil {
		s.web.kill()
	}
	if s.database != nil {
		s.database.kill()
	}
	return os.RemoveAll(s.dir)
}

// Crash kills PHP, whatever it is doing, and starts it again.
func (s *Server) Crash() error {
	s.web.kill()
	return s.startWeb()
}

// Log returns everything that PHP and WordPress have logged.
func (s *Server) Log() (string, error) {
	var all []byte
	for _, name := range []string{"web.log", "php.log"} {
		log, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		all = append(all, log...)
	}
	return string(all), nil
}

// prepare writes the files that PHP needs. Mail that is sent without SMTP goes to the file "sendmail".
func (s *Server) prepare(c Config) error {
	plugin, err := wordpress.File()
	if err != nil {
		return err
	}
	ini := fmt.Sprintf(`
opcache.revalidate_freq = 0
log_errors = 1
error_log = %[1]s/php.log
zend.exception_ignore_args = 0
openssl.cafile = %[1]s/ca.pem
sendmail_path = "cat >>%[1]s/sendmail"
`, s.dir)
	files := map[string][]byte{"site-smtp.php": plugin, "ca.pem": c.CAPEM, "php.ini": []byte(ini)}
	for _, script := range []string{"load.php", "router.php", "install.php"} {
		if files[script], err = scripts.ReadFile("php/" + script); err != nil {
			return err
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(s.dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return errors.Join(os.Mkdir(filepath.Join(s.dir, "sites"), 0o700), os.Mkdir(s.compiled(), 0o700))
}

// compiled returns the folder of the scripts that PHP has compiled.
func (s *Server) compiled() string { return filepath.Join(s.dir, "compiled") }

func (s *Server) startDatabase(ctx context.Context) error {
	self, err := user.Current()
	if err != nil {
		return err
	}
	data, as := "--datadir="+filepath.Join(s.dir, "data"), "--user="+self.Username
	install := exec.CommandContext(ctx, "mariadb-install-db", "--no-defaults", data, as,
		"--auth-root-authentication-method=normal", "--skip-test-db")
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("mariadb-install-db: %w\n%s", err, out)
	}
	// The path of a socket is short (unix(7)), and so is that of a temporary folder.
	program := []string{
		"mariadbd", "--no-defaults", data, as, "--skip-networking", "--socket=" + s.socket(),
		"--pid-file=" + filepath.Join(s.dir, "mariadbd.pid"), "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0",
	}
	s.database, _, err = run(program, "", filepath.Join(s.dir, "mariadbd.log"), regexp.MustCompile(`ready for connections`))
	return err
}

func (s *Server) socket() string { return filepath.Join(s.dir, "mariadb.sock") }

func (s *Server) startWeb() error {
	program := []string{"php", "-c", filepath.Join(s.dir, "php.ini"), "-S", s.address, filepath.Join(s.dir, "router.php")}
	atOnce := fmt.Sprintf("PHP_CLI_SERVER_WORKERS=%d", workers)
	web, found, err := run(program, atOnce, filepath.Join(s.dir, "web.log"), regexp.MustCompile(`\(http://(127\.0\.0\.1:\d+)\) started`))
	if err != nil {
		return err
	}
	s.web, s.address = web, found[1]
	return nil
}
