package faulttest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// head returns the status line and header of a response, with length as its Content-Length unless that is negative.
func (r reply) head(length int, extra ...string) []byte {
	header := r.header.Clone()
	if length >= 0 {
		header.Set("Content-Length", strconv.Itoa(length))
	}
	for i := 0; i < len(extra); i += 2 {
		header.Set(extra[i], extra[i+1])
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", r.status, http.StatusText(r.status))
	_ = header.Write(&b)
	b.WriteString("\r\n")
	return b.Bytes()
}

func (r reply) whole() []byte { return slices.Concat(r.head(len(r.body)), r.body) }

// half is the part of the response that was sent before a fault strikes in its middle; rest is the other part.
func (r reply) half() []byte { return r.whole()[:len(r.whole())-len(r.rest())] }

func (r reply) rest() []byte { return r.body[len(r.body)/2:] }

// problem returns a problem document (RFC 9457) of something in front of the site.
func problem(status int, code string) reply {
	body := fmt.Sprintf(`{"type":"about:blank","title":%q,"status":%d,"code":%q,"detail":"Said by a gateway."}`, http.StatusText(status), status, code)
	return reply{status, http.Header{"Content-Type": {"application/problem+json"}}, []byte(body)}
}

func page(status int) reply {
	return reply{status, http.Header{"Content-Type": {"text/html; charset=utf-8"}}, []byte("<!DOCTYPE html><title>Something else</title>")}
}

// The identity of a different site, and what its responses contain.
const (
	OtherSite   = "00000000-0000-4000-8000-00000000beef"
	otherToken  = "token-of-another-site"
	nextVersion = 2
)

// madeUp returns a different site's response to the request.
func madeUp(r *http.Request) reply {
	var document any
	switch {
	case strings.HasSuffix(r.URL.Path, "/session"):
		document = map[string]any{"token": otherToken, "expires_at": "2100-01-01T00:00:00Z"}
	case strings.Contains(r.URL.Path, "/tests/"):
		document = map[string]any{"key": OtherSite, "status": "passed", "stage": "data", "recipient": "ops@example.com", "message_id": "m@example.com"}
	default:
		document = map[string]any{
			"site_id": OtherSite, "api_version": 1, "enabled": false, "revision": "0", "updated_at": nil, "last_write_id": "",
			"password_set": false, "password_id": "", "verification": nil,
			"settings": map[string]any{
				"host": "", "port": 0, "encryption": "", "username": "", "from_address": "", "from_name": "", "helo_name": "",
			},
		}
	}
	body, _ := json.Marshal(document)
	return reply{http.StatusOK, http.Header{"Content-Type": {"application/json"}}, body}
}

// with replaces members that exist in the document.
func (r reply) with(members map[string]any) reply {
	var document map[string]any
	if json.Unmarshal(r.body, &document) != nil {
		return r
	}
	maps.DeleteFunc(members, func(name string, _ any) bool { return document[name] == nil })
	maps.Copy(document, members)
	r.body, _ = json.Marshal(document)
	return r
}

// twice repeats the document's first member with a different value.
func (r reply) twice() reply {
	name, _, _ := bytes.Cut(bytes.TrimPrefix(bytes.TrimSpace(r.body), []byte("{")), []byte(":"))
	inner, _ := bytes.CutSuffix(bytes.TrimSpace(r.body), []byte("}"))
	r.body = slices.Concat(inner, []byte(","), name, []byte(`:"another"}`))
	return r
}

// endless is the size of an endless body, 100 MiB. It is sent only as long as the client reads.
const endless = 100 << 20

func (x *exchange) flood(filler byte) {
	piece := bytes.Repeat([]byte{filler}, 64<<10)
	for sent := 0; sent < endless; sent += len(piece) {
		if !x.send(piece) {
			return
		}
	}
}

// bomb compresses body, followed by 100 MiB of spaces, to about a thousandth of its size: gzip members can be concatenated (RFC 1952
// section 2.2).
func bomb(body []byte) []byte {
	return slices.Concat(zip(body), bytes.Repeat(spaces(), endless>>20))
}

var spaces = sync.OnceValue(func() []byte { return zip(bytes.Repeat([]byte(" "), 1<<20)) })

func zip(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

// elsewhere returns the target of a redirect.
func (x *exchange) elsewhere() string {
	return x.proxy.config.Elsewhere + path.Clean(x.request.URL.Path) + "?token=in-the-query"
}
