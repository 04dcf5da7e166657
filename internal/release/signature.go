package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// checkSignature checks that the signature of the checksums, where there is one, is of the kind that the registries take.
// Whose it is, gpg tells.
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

// checkPacket checks that these bytes begin with a binary signature of a file by a key of RSA or DSA: RFC 9580, sections
// 4.2, 5.2 and 9.1.
func checkPacket(signature []byte) error {
	const (
		packet     = 0x80
		newFormat  = 0x40
		isSigned   = 2
		ofAFile    = 0
		lengthOf2  = 192
		lengthOf4  = 255
		rsa, dsa   = 1, 17
		untilFixed = 3 // version, type and algorithm
	)
	if len(signature) == 0 || signature[0]&packet == 0 {
		return errors.New("is no binary OpenPGP signature: sign without --armor")
	}
	tag, lengths := signature[0]&0x3f, 1
	if signature[0]&newFormat == 0 {
		lengths = 1 << (tag & 3)
		tag >>= 2
	} else if len(signature) > 1 && signature[1] >= lengthOf2 {
		lengths = 2
		if signature[1] == lengthOf4 {
			lengths = 5
		}
	}
	if tag != isSigned {
		return fmt.Errorf("is an OpenPGP packet of type %d, and no signature", tag)
	}
	if len(signature) < 1+lengths+untilFixed {
		return errors.New("ends amid its first packet")
	}
	body := signature[1+lengths:]
	if body[1] != ofAFile {
		return fmt.Errorf("is an OpenPGP signature of type %#x, not that of a file", body[1])
	}
	if body[2] != rsa && body[2] != dsa {
		return fmt.Errorf("is by a key of algorithm %d, and the registry of Terraform takes only RSA and DSA", body[2])
	}
	return nil
}
