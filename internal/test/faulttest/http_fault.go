package faulttest

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Delays of slow faults: a client waits longer than Late, but not as long as TooLate.
const (
	Late    = 20 * time.Second
	TooLate = 45 * time.Second
)

// HTTPFault is one way in which a request can go wrong.
type HTTPFault struct {
	Name string
	// Row is the rule's number in RELIABILITY.md, such as "R13".
	Row string
	// play handles the request and reports whether the connection can still be used.
	play func(*exchange, Position) bool
}

// pass is the absence of a fault.
var pass = HTTPFault{play: func(x *exchange, _ Position) bool { return x.send(x.carryOut().whole()) }}

// HTTPFaults lists the faults.
func HTTPFaults() []HTTPFault {
	return slices.Concat(slowness(), connections(), statuses(), bodies(), otherSites())
}

// answer returns the response to damage, which is the site's or made up by something on the way, and the part of it that was sent when
// the fault strikes.
func (x *exchange) answer(at Position) (all reply, sent []byte) {
	if at == Before {
		return madeUp(x.request), nil
	}
	all = x.carryOut()
	if at == After {
		return madeUp(x.request), nil
	}
	return all, all.half()
}

// slowness faults delay a request or its response, but lose neither.
func slowness() []HTTPFault {
	return []HTTPFault{
		{"Latency", "", func(x *exchange, at Position) bool {
			if at == Before && !x.wait(Late) {
				return false
			}
			all := x.carryOut()
			sent := map[Position][]byte{Within: all.half()}[at]
			if !x.send(sent) || at != Before && !x.wait(Late) {
				return false
			}
			return x.send(all.whole()[len(sent):])
		}},
		{"Slow", "", func(x *exchange, at Position) bool {
			if at == Before && !x.wait(TooLate) {
				return false
			}
			all := x.carryOut()
			sent := map[Position][]byte{Within: all.half()}[at]
			ok := x.send(sent)
			for _, b := range all.whole()[len(sent):] {
				ok = ok && x.send([]byte{b}) && x.wait(time.Second)
			}
			return ok
		}},
	}
}

// connections faults close the connection, or let it hang.
func connections() []HTTPFault {
	struck := func(then func(*exchange)) func(*exchange, Position) bool {
		return func(x *exchange, at Position) bool {
			_, sent := x.answer(at)
			if x.send(sent) {
				then(x)
			}
			return false
		}
	}
	return []HTTPFault{
		{"Cut", "R10", struck(func(*exchange) {})},
		{"Reset", "R10", struck((*exchange).reset)},
		{"SlowClose", "R14", func(x *exchange, at Position) bool {
			all, sent := x.answer(at)
			head := all.head(-1, "Connection", "close")
			if len(sent) > 0 {
				sent = all.body[:len(all.body)/2]
			}
			if x.send(head, sent) {
				x.wait(Late)
			}
			return false
		}},
		{"HangBeforeHeaders", "R13", func(x *exchange, at Position) bool {
			var hint []byte
			if _, sent := x.answer(at); len(sent) > 0 {
				hint = []byte("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
			}
			x.send(hint)
			x.hang()
			return false
		}},
		{"HangInHeaders", "R13", func(x *exchange, at Position) bool {
			all, _ := x.answer(at)
			head := all.head(len(all.body))
			x.send(head[:len(head)*2/3])
			x.hang()
			return false
		}},
		{"HangInBody", "R13", func(x *exchange, at Position) bool {
			all, sent := x.answer(at)
			if len(sent) == 0 {
				sent = all.head(len(all.body))
			}
			x.send(sent)
			x.hang()
			return false
		}},
		{"TLS", "R18", struck(func(x *exchange) {
			x.proxy.mu.Lock()
			x.proxy.untrusted = x.proxy.plan == nil || x.proxy.plan.Times == 0
			x.proxy.mu.Unlock()
			// An alert (RFC 8446 section 6) outside the TLS connection, as something on the way would send it.
			_, _ = x.raw.Write([]byte{21, 3, 3, 0, 2, 2, 80})
		})},
	}
}

// reset closes the connection with a TCP reset.
func (x *exchange) reset() {
	if tcp, ok := x.raw.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	if memory, ok := x.raw.(interface{ Reset() }); ok {
		memory.Reset()
	}
}

// statuses faults are responses of something in front of the site, or (Within) the site's response with a changed status.
func statuses() []HTTPFault {
	fault := func(name, row string, said reply, header ...string) HTTPFault {
		return HTTPFault{name, row, func(x *exchange, at Position) bool {
			all, sent := x.answer(at)
			if len(sent) == 0 {
				all = said
			}
			all.status = said.status
			return x.send(all.head(len(all.body), header...), all.body)
		}}
	}
	redirect := func(name string, statuses ...int) HTTPFault {
		return HTTPFault{name, "R9", func(x *exchange, at Position) bool {
			all, _ := x.answer(at)
			all.status = statuses[slices.Index(Positions(), at)]
			return x.send(all.head(len(all.body), "Location", x.elsewhere()), all.body)
		}}
	}
	return []HTTPFault{
		fault("Unauthorized", "R11", problem(http.StatusUnauthorized, "unauthorized")),
		fault("NotFound", "R11", page(http.StatusNotFound)),
		fault("InternalError", "R11", problem(http.StatusInternalServerError, "internal")),
		fault("BadGateway", "R11", page(http.StatusBadGateway)),
		fault("RetryAfterADay", "R12", problem(http.StatusServiceUnavailable, "stopping"), "Retry-After", "86400"),
		fault("RetryAfterGarbage", "R12", page(http.StatusTooManyRequests), "Retry-After", "-1e9 fortnights"),
		redirect("Redirect", http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther),
		redirect("RedirectWithBody", http.StatusTemporaryRedirect, http.StatusPermanentRedirect, http.StatusPermanentRedirect),
	}
}

// bodies faults are responses with wrong or malicious bodies.
func bodies() []HTTPFault {
	return []HTTPFault{
		{"Garbage", "R14", func(x *exchange, at Position) bool {
			all, sent := x.answer(at)
			x.send(sent, slices.Repeat([]byte{0, 255, '\r', '<', '"'}, len(all.body))[:len(all.rest())])
			return false
		}},
		{"Truncated", "R14", func(x *exchange, at Position) bool {
			all, _ := x.answer(at)
			half := all.body[:len(all.body)/2]
			x.send(all.head(-1, "Transfer-Encoding", "chunked"), chunk(half))
			return false
		}},
		{"Huge", "R14", func(x *exchange, at Position) bool {
			all, sent := x.answer(at)
			if len(sent) == 0 {
				all.body = nil
			}
			if x.send(all.head(len(all.body)+endless), all.body) {
				x.flood(' ')
			}
			return false
		}},
		{"GzipBomb", "R14", func(x *exchange, at Position) bool {
			all, sent := x.answer(at)
			if len(sent) == 0 {
				all.body = nil
			}
			all.body = bomb(all.body)
			return x.send(all.head(len(all.body), "Content-Encoding", "gzip"), all.body)
		}},
		{"DuplicateKeys", "R14", func(x *exchange, at Position) bool {
			all, _ := x.answer(at)
			return x.send(all.twice().whole())
		}},
		{"HTML", "R14", func(x *exchange, at Position) bool {
			all, sent := x.answer(at)
			if len(sent) == 0 {
				all = page(http.StatusOK)
			}
			all.header.Set("Content-Type", "text/html")
			all.body = slices.Concat([]byte("<!DOCTYPE html><p>Welcome to the hotel</p>\n"), all.body)
			return x.send(all.whole())
		}},
	}
}

// otherSites faults are responses of a different site, or of a site that has changed.
func otherSites() []HTTPFault {
	return []HTTPFault{
		{"WrongSite", "R15", func(x *exchange, at Position) bool {
			all, _ := x.answer(at)
			return x.send(all.with(map[string]any{"site_id": OtherSite, "key": OtherSite, "token": otherToken}).whole())
		}},
		{"WrongVersion", "R27", func(x *exchange, at Position) bool {
			all, _ := x.answer(at)
			return x.send(all.with(map[string]any{"api_version": nextVersion, "status": "excellent", "token": map[string]any{"v": nextVersion}}).whole())
		}},
	}
}

// chunk encodes one chunk of a chunked body (RFC 9112 section 7.1).
func chunk(data []byte) []byte {
	return fmt.Appendf(nil, "%x\r\n%s\r\n", len(data), data)
}
