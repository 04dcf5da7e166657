//go:build node

package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// startNode starts examples/site-in-node with these variables and returns its address.
func startNode(t *testing.T, env ...string) string {
	t.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, "node", "../../../../examples/site-in-node/site.mjs")
	cmd.Env = append(os.Environ(), "PORT=0", "SITE_TOKEN=token-of-the-example", "SITE_KEY="+base64.StdEncoding.EncodeToString(key),
		"SITE_DATA="+filepath.Join(t.TempDir(), "site.json"), "ALLOW_NETWORKS=127.0.0.0/8")
	cmd.Env = append(cmd.Env, env...)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	address, found := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !found {
		t.Fatalf("got %q, %v", line, err)
	}
	return address
}

// The example of the guide to building a site, in Node 20 or newer.
func TestTheSiteInNodeConforms(t *testing.T) {
	mailCA := filepath.Join(t.TempDir(), "ca.pem")
	if _, err := loadAuthority(mailCA); err != nil {
		t.Fatal(err)
	}
	token := map[string]string{"SMTP_SITE_TOKEN": "token-of-the-example"}
	t.Run("Checks", func(t *testing.T) {
		address := startNode(t, "NODE_EXTRA_CA_CERTS="+mailCA, "TEST_BURST=1000")
		out, err := try(t, token, "-url", address, "-mail-ca", mailCA)
		if err != nil || !strings.Contains(out, " checks, 0 failed.") || strings.Contains(out, "WAIT") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("Limits", func(t *testing.T) {
		out, err := try(t, token, "-url", startNode(t), "-run", "Limit/", "-limits")
		if err != nil || strings.Count(out, "PASS  Limit/") != len(limits) {
			t.Errorf("%v\n%s", err, out)
		}
	})
}
