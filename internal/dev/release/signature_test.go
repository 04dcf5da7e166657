package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"go.yaml.in/yaml/v4"
)

// entity is a temporary key.
func entity(t *testing.T, algorithm packet.PublicKeyAlgorithm) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity("Release", "", "release@example.test", &packet.Config{Algorithm: algorithm, RSABits: 2048})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestCheckPacket(t *testing.T) {
	rsa, edwards := entity(t, packet.PubKeyAlgoRSA), entity(t, packet.PubKeyAlgoEdDSA)
	message := func() *strings.Reader { return strings.NewReader("sums\n") }
	made := func(sign func(*bytes.Buffer) error) []byte {
		t.Helper()
		var b bytes.Buffer
		if err := sign(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	good := made(func(b *bytes.Buffer) error { return openpgp.DetachSign(b, rsa, message(), nil) })
	body := good[bytes.IndexByte(good, 4):]
	oldFormat := append([]byte{0x89, byte(len(body) >> 8), byte(len(body))}, body...) // as gpg writes it
	for name, test := range map[string]struct {
		signature []byte
		says      string
	}{
		"RSA":       {good, ""},
		"OldFormat": {oldFormat, ""},
		"Armored":   {made(func(b *bytes.Buffer) error { return openpgp.ArmoredDetachSign(b, rsa, message(), nil) }), "without --armor"},
		"Edwards":   {made(func(b *bytes.Buffer) error { return openpgp.DetachSign(b, edwards, message(), nil) }), "algorithm 22"},
		"OfText":    {made(func(b *bytes.Buffer) error { return openpgp.DetachSignText(b, rsa, message(), nil) }), "type 0x1"},
		"PublicKey": {made(func(b *bytes.Buffer) error { return rsa.Serialize(b) }), "instead of a signature"},
		"Truncated": {good[:3], "unexpected EOF"},
		"Empty":     {nil, "not a binary OpenPGP signature"},
	} {
		t.Run(name, func(t *testing.T) {
			err := checkPacket(test.signature)
			if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

// TestSignature signs a release like GoReleaser does, with gpg if that is installed, else with a library for the same format. The
// library, which Terraform itself uses, accepts the signature for this file only.
func TestSignature(t *testing.T) {
	only := platform{"darwin", "arm64"}
	root, dir := newBuilder(t).root, copied(t, only)
	sums := filepath.Join(dir, sumsName(testVersion))
	var keys openpgp.EntityList
	if gpg, err := exec.LookPath("gpg"); err == nil {
		keys = signWithGPG(t, gpg, sums)
	} else {
		keys = openpgp.EntityList{entity(t, packet.PubKeyAlgoRSA)}
		signWithLibrary(t, keys[0], sums)
	}
	if _, err := verify(t.Context(), root, dir, []platform{only}); err != nil {
		t.Error(err)
	}
	signed, err := os.ReadFile(sums)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := os.ReadFile(sums + ".sig")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openpgp.CheckDetachedSignature(keys, bytes.NewReader(signed), bytes.NewReader(signature), nil); err != nil {
		t.Error(err)
	}
	if _, err := openpgp.CheckDetachedSignature(keys, bytes.NewReader(signed[1:]), bytes.NewReader(signature), nil); err == nil {
		t.Error("the signature was accepted for different checksums")
	}
	write(t, dir, sumsName(testVersion)+".sig", "-----BEGIN PGP SIGNATURE-----\n")
	if _, err := verify(t.Context(), root, dir, []platform{only}); err == nil || !strings.Contains(err.Error(), ".sig: is not a binary") {
		t.Errorf("got %v", err)
	}
}

func signWithLibrary(t *testing.T, key *openpgp.Entity, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var signature bytes.Buffer
	if err := openpgp.DetachSign(&signature, key, bytes.NewReader(content), nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".sig", signature.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// signWithGPG makes a key, signs with the arguments that .goreleaser.yml gives gpg, and returns the public key.
func signWithGPG(t *testing.T, gpg, path string) openpgp.EntityList {
	t.Helper()
	home := t.TempDir()
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), name, args...)
		cmd.Env = append(os.Environ(), "GNUPGHOME="+home)
		return cmd
	}
	t.Cleanup(func() {
		if out, err := command("gpgconf", "--kill", "all").CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	const who = "release@example.test"
	for _, args := range [][]string{
		{"--batch", "--passphrase", "", "--quick-gen-key", who, "rsa2048", "sign", "never"},
		signArguments(t, who, path),
		{"--batch", "--verify", path + ".sig", path},
	} {
		if out, err := command(gpg, args...).CombinedOutput(); err != nil {
			t.Fatalf("gpg %q: %v\n%s", args, err, out)
		}
	}
	public, err := command(gpg, "--batch", "--export", who).Output()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := openpgp.ReadKeyRing(bytes.NewReader(public))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func signArguments(t *testing.T, who, path string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(newBuilder(t).root, ".goreleaser.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Signs []struct {
			Artifacts string
			Args      []string
		}
	}
	if err := yaml.Unmarshal(text, &config); err != nil || len(config.Signs) != 1 || config.Signs[0].Artifacts != "checksum" {
		t.Fatalf("%v: want signed checksums: %+v", err, config)
	}
	fill := strings.NewReplacer("{{ .Env.GPG_FINGERPRINT }}", who, "${signature}", path+".sig", "${artifact}", path)
	var args []string
	for _, arg := range config.Signs[0].Args {
		args = append(args, fill.Replace(arg))
	}
	return args
}
