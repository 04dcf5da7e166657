//go:build linux

package wordpresstest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// TB is the part of testing.TB that sites need.
type TB interface {
	Context() context.Context
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Site is one WordPress.
type Site struct {
	// URL is the site's address, without a slash at its end.
	URL string
	// Title is the site's title.
	Title string
	// Username is that of an administrator, Password their Application Password.
	Username string
	Password secret.Text

	server *Server
	root   string
}

// Site returns a WordPress with the plugin, without settings. No other test gets it before t ends.
func (s *Server) Site(t TB) *Site {
	t.Helper()
	site, err := s.take(t.Context())
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.idle = append(s.idle, site)
	})
	if err := site.Configure(""); err != nil {
		t.Fatalf("%v", err)
	}
	if err := site.removePlugins(); err != nil {
		t.Fatalf("%v", err)
	}
	site.Eval(t, `update_option("active_plugins", array()); wp_clear_scheduled_hook("site_smtp_forget"); $wpdb->query("DELETE FROM $wpdb->options WHERE option_name LIKE 'site\\_smtp%'");`)
	return site
}

// take returns an idle site, or a new one if there is none.
func (s *Server) take(ctx context.Context) (*Site, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := len(s.idle) - 1; last >= 0 {
		site := s.idle[last]
		s.idle = s.idle[:last]
		return site, nil
	}
	s.made++
	return s.install(ctx, fmt.Sprintf("site%d", s.made))
}

// install creates a WordPress from Debian's files, with its own database.
func (s *Server) install(ctx context.Context, name string) (*Site, error) {
	site := &Site{
		URL: "http://" + s.address + "/" + name, Title: "Client's " + name, Username: "admin",
		server: s, root: filepath.Join(s.dir, "sites", name),
	}
	if err := site.link(); err != nil {
		return nil, err
	}
	create := exec.CommandContext(ctx, "mariadb", "--no-defaults", "--socket="+s.socket(), "--user=root", "-e", "CREATE DATABASE "+name)
	if out, err := create.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("create database: %w\n%s", err, out)
	}
	password, err := site.php(ctx, "require '"+s.dir+"/install.php';")
	if err != nil {
		return nil, err
	}
	site.Password = secret.New(password)
	return site, nil
}

// link creates the site's folder, with links to WordPress' own files.
func (site *Site) link() error {
	plugins := filepath.Join(site.root, "wp-content", "mu-plugins")
	for _, folder := range []string{plugins, filepath.Join(site.root, "wp-content", "themes")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
	}
	files, err := filepath.Glob(site.server.files + "/*")
	if err != nil {
		return err
	}
	links := map[string]string{filepath.Join(site.server.dir, "site-smtp.php"): plugins}
	for _, file := range files {
		if name := filepath.Base(file); name != "wp-config.php" && name != "wp-content" {
			links[file] = site.root
		}
	}
	for file, folder := range links {
		if err := os.Symlink(file, filepath.Join(folder, filepath.Base(file))); err != nil {
			return err
		}
	}
	return site.configure()
}

// configure writes wp-config.php, with random keys.
func (site *Site) configure() error {
	var config bytes.Buffer
	fmt.Fprintf(&config, `<?php
define( 'DB_NAME', '%[1]s' );
define( 'DB_USER', 'root' );
define( 'DB_PASSWORD', '' );
define( 'DB_HOST', 'localhost:%[2]s' );
define( 'WP_CONTENT_DIR', __DIR__ . '/wp-content' );
define( 'WP_DEBUG', true );
define( 'WP_DEBUG_LOG', '%[3]s/php.log' );
define( 'DISABLE_WP_CRON', true );
require __DIR__ . '/extra.php';
defined( 'WP_ENVIRONMENT_TYPE' ) || define( 'WP_ENVIRONMENT_TYPE', 'local' );
`, filepath.Base(site.root), site.server.socket(), site.server.dir)
	for _, key := range []string{"AUTH", "SECURE_AUTH", "LOGGED_IN", "NONCE"} {
		fmt.Fprintf(&config, "defined( '%[1]s_KEY' ) || define( '%[1]s_KEY', '%[2]s' );\ndefined( '%[1]s_SALT' ) || define( '%[1]s_SALT', '%[3]s' );\n", key, rand.Text(), rand.Text())
	}
	config.WriteString("$table_prefix = 'wp_';\nrequire_once ABSPATH . 'wp-settings.php';\n")
	if err := os.WriteFile(filepath.Join(site.root, "wp-config.php"), config.Bytes(), 0o600); err != nil {
		return err
	}
	return site.Configure("")
}

// Configure adds PHP code to the site's wp-config.php, and replaces what it added before. By default the plugin may send to loopback.
func (site *Site) Configure(code string) error {
	if !strings.Contains(code, "SITE_SMTP_ALLOW_NETWORKS") {
		code += "\ndefine( 'SITE_SMTP_ALLOW_NETWORKS', '127.0.0.0/8' );"
	}
	return os.WriteFile(filepath.Join(site.root, "extra.php"), []byte("<?php\n"+code+"\n"), 0o600)
}

// MustUse adds a must-use plugin of one file, until the test ends.
func (site *Site) MustUse(t TB, name string, code []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(site.root, "wp-content", "mu-plugins", name), code, 0o600); err != nil {
		t.Fatalf("%v", err)
	}
}

// Plugin adds a plugin of one file and activates it.
func (site *Site) Plugin(t TB, name string, code []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(site.root, "wp-content", "plugins", name), code, 0o600); err != nil {
		t.Fatalf("%v", err)
	}
	site.Eval(t, fmt.Sprintf(`update_option("active_plugins", array_merge((array) get_option("active_plugins"), array(%q)));`, name))
}

// InstallZip lets WordPress install and activate the plugin's archive, and removes the must-use file.
func (site *Site) InstallZip(t TB, archive []byte) {
	t.Helper()
	file := filepath.Join(site.root, "site-smtp.zip")
	err := errors.Join(os.WriteFile(file, archive, 0o600), os.Remove(filepath.Join(site.root, "wp-content", "mu-plugins", "site-smtp.php")))
	if err != nil {
		t.Fatalf("%v", err)
	}
	site.Eval(t, `
require_once ABSPATH . "wp-admin/includes/admin.php";
WP_Filesystem();
$unzipped = unzip_file(SITE_ROOT . "/site-smtp.zip", WP_PLUGIN_DIR);
if (is_wp_error($unzipped)) { throw new Exception($unzipped->get_error_message()); }`)
	site.Eval(t, `
require_once ABSPATH . "wp-admin/includes/plugin.php";
if (is_wp_error($failed = activate_plugin("site-smtp/site-smtp.php"))) { throw new Exception($failed->get_error_message()); }`)
}

// removePlugins removes all plugins except the must-use file.
func (site *Site) removePlugins() error {
	content := filepath.Join(site.root, "wp-content")
	var failed error
	for _, folder := range []string{"plugins", "mu-plugins"} {
		failed = errors.Join(failed, os.RemoveAll(filepath.Join(content, folder)), os.Mkdir(filepath.Join(content, folder), 0o700))
	}
	return errors.Join(failed, os.Symlink(filepath.Join(site.server.dir, "site-smtp.php"), filepath.Join(content, "mu-plugins", "site-smtp.php")))
}

// Eval runs PHP code inside the site's WordPress and returns what it prints.
func (site *Site) Eval(t TB, code string) string {
	t.Helper()
	out, err := site.php(t.Context(), "require '"+site.server.dir+"/load.php';\n"+code)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return out
}

// php runs PHP code for the site, without loading its WordPress.
func (site *Site) php(ctx context.Context, code string) (string, error) {
	define := fmt.Sprintf("const SITE_ROOT = %q, SITE_URL = %q, SITE_TITLE = %q;\n", site.root, site.URL, site.Title)
	// Without a cache, PHP would compile all of WordPress each time, which takes more than twice as long as everything else.
	cmd := exec.CommandContext(ctx, "php", "-c", filepath.Join(site.server.dir, "php.ini"), "-d", "opcache.enable_cli=1",
		"-d", "opcache.file_cache="+site.server.compiled(), "-d", "opcache.file_cache_only=1", "-r", define+code)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("php: %w\n%s%s", err, out.Bytes(), complaints.Bytes())
	}
	return out.String(), nil
}
