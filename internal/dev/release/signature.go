package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// checkSignature checks that the signature of the checksums, if there is one, is of a kind that the registries accept. It does not check
// the signer; gpg does.
func (r release) checkSignature() error {
	name := sumsName(r.version) + ".sig"
	signature, err := os.ReadFile(filepath.Join(r.dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := checkPacket(signature); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// checkPacket checks that signature is a binary OpenPGP signature of a file by an RSA or DSA key.
func checkPacket(signature []byte) error {
	first, err := packet.Read(bytes.NewReader(signature))
	if err != nil {
		return fmt.Errorf("is not a binary OpenPGP signature (sign without --armor): %w", err)
	}
	s, ok := first.(*packet.Signature)
	switch {
	case !ok:
		return fmt.Errorf("begins with a %T instead of a signature", first)
	case s.SigType != packet.SigTypeBinary:
		return fmt.Errorf("is an OpenPGP signature of type %#x, not that of a file", uint8(s.SigType))
	case s.PubKeyAlgo != packet.PubKeyAlgoRSA && s.PubKeyAlgo != packet.PubKeyAlgoDSA:
		return fmt.Errorf("is by a key of algorithm %d, but Terraform's registry accepts only RSA and DSA", s.PubKeyAlgo)
	}
	return nil
}
