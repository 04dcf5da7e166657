package leaktest

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
)

// maxUnpacked is the maximum size of one unpacked part in bytes.
const maxUnpacked = 64 << 20

// packings are the compression formats of parts within longer data, with their magic bytes.
var packings = []struct {
	how, begins string
	open        func(io.Reader) (io.ReadCloser, error)
}{
	{" in gzip", "\x1f\x8b\x08", func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }},
	{" in zlib", "\x78\x01", zlib.NewReader},
	{" in zlib", "\x78\x9c", zlib.NewReader},
	{" in zlib", "\x78\xda", zlib.NewReader},
}

// unpack calls found for each compressed part of data, with its offset and its content.
func unpack(data []byte, found func(offset int, how string, content []byte)) {
	for _, p := range packings {
		for offset := bytes.Index(data, []byte(p.begins)); offset >= 0; {
			content := unpackOne(bytes.NewReader(data[offset:]), p.open)
			if len(content) > 0 {
				found(offset, p.how, content)
			}
			next := bytes.Index(data[offset+1:], []byte(p.begins))
			if next < 0 {
				break
			}
			offset += 1 + next
		}
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return // most data is not a zip archive
	}
	for _, f := range archive.File {
		if content := unpackOne(nil, func(io.Reader) (io.ReadCloser, error) { return f.Open() }); len(content) > 0 {
			found(0, " in "+f.Name, content)
		}
	}
}

// unpackOne returns what can be unpacked. Data that only looks compressed, or was cut off, gives less or nothing.
func unpackOne(packed io.Reader, open func(io.Reader) (io.ReadCloser, error)) []byte {
	r, err := open(packed)
	if err != nil {
		return nil
	}
	defer r.Close()
	content, _ := io.ReadAll(io.LimitReader(r, maxUnpacked))
	return content
}
