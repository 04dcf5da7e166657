package site

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"strings"
)

// writerMark begins each identifier that names its writer.
const writerMark = "smtp"

// NewWriteID returns the identifier of one write: a random UUID (RFC 9562 section 5.4), of which 40 bits name the writer, which is
// eight characters of base32. Any other writer, such as an empty one, is left out.
func NewWriteID(writer string) string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	if name, err := base32.StdEncoding.DecodeString(writer); err == nil && len(name) == 5 {
		copy(id[:], writerMark)
		copy(id[10:], name)
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	text := hex.EncodeToString(id[:])
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}

// WriterOf returns the writer that an identifier of [NewWriteID] names, "" for any other identifier.
func WriterOf(writeID string) string {
	id, err := hex.DecodeString(strings.ReplaceAll(writeID, "-", ""))
	if err != nil || len(id) != 16 || string(id[:len(writerMark)]) != writerMark {
		return ""
	}
	return base32.StdEncoding.EncodeToString(id[10:15])
}
