package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
)

// recorded answers a request and returns the answer, which its caller passes on.
func recorded(next http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	next.ServeHTTP(w, r)
	return w
}

func pass(w http.ResponseWriter, from *httptest.ResponseRecorder, body string) {
	maps.Copy(w.Header(), from.Header())
	w.WriteHeader(from.Code)
	_, _ = io.WriteString(w, body)
}

// anybodyMay does not require a token for requests with that method to paths that match the pattern.
func anybodyMay(method, pattern string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		var known string
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, below, _ := strings.Cut(r.URL.Path, apiPath)
			if matches, _ := path.Match(pattern, below); matches && r.Method == method {
				r.Header.Set("Authorization", known)
			}
			answer := recorded(next, r)
			if answer.Code == http.StatusOK {
				known = r.Header.Get("Authorization")
			}
			pass(w, answer, answer.Body.String())
		})
	}
}

// answersHold adds the last saved password, in an encoding, to responses.
func answersHold(written func(password string) string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		var leak string
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			var sent struct{ Password string }
			if json.Unmarshal(body, &sent) == nil && sent.Password != "" && strings.HasSuffix(r.URL.Path, "/smtp") {
				leak = written(sent.Password)
			}
			answer := recorded(next, r)
			pass(w, answer, strings.Replace(answer.Body.String(), `"from_name":"`, `"from_name":"`+leak, 1))
		})
	}
}

// knowsWhatEnded runs a test again if its request is retried while it is running.
func knowsWhatEnded(next http.Handler) http.Handler {
	var mu sync.Mutex
	running, second := map[string]bool{}, make(chan struct{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch isTest := strings.Contains(r.URL.Path, "/smtp/tests/"); {
		case isTest && r.Method == http.MethodGet:
			<-second
		case isTest:
			mu.Lock()
			key, twice := r.URL.Path, running[r.URL.Path]
			running[key] = true
			mu.Unlock()
			if twice {
				close(second)
				r.URL.Path = key[:len(key)-4] + "0000"
			}
		}
		next.ServeHTTP(w, r)
	})
}

// remembersWrites repeats its first response to a write with a known ID, even if later writes have replaced it.
func remembersWrites(next http.Handler) http.Handler {
	answers := map[string]*httptest.ResponseRecorder{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		var sent struct {
			ID string `json:"write_id"`
		}
		_ = json.Unmarshal(body, &sent)
		answer := answers[sent.ID]
		if answer == nil {
			answer = recorded(next, r)
		}
		if sent.ID != "" && answer.Code == http.StatusOK {
			answers[sent.ID] = answer
		}
		pass(w, answer, answer.Body.String())
	})
}

func TestBrokenSitesFail(t *testing.T) {
	for name, test := range map[string]struct {
		breakage func(next http.Handler) http.Handler
		run      string
		// fails are the checks that must fail, and says is the expected reason.
		fails []string
		says  string
	}{
		"IfMatchIsOptional": {func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/smtp") && r.Header.Get("If-Match") == "" {
					read := httptest.NewRequest(http.MethodGet, r.URL.Path, nil)
					read.Header, read.Host = r.Header.Clone(), r.Host
					r.Header.Set("If-Match", recorded(next, read).Header().Get("ETag"))
				}
				next.ServeHTTP(w, r)
			})
		}, "IfMatch$|Stale", []string{"Rule/WriteWithoutIfMatch"}, "PUT /smtp answers 200, want 428 precondition_required"},
		"WritesNeedNoToken": {
			anybodyMay(http.MethodPut, "/smtp"), "Token",
			[]string{"Rule/TokenIsRequired"},
			"PUT /smtp answers 200, want 401 unauthorized",
		},
		"TestsNeedNoToken": {
			anybodyMay(http.MethodPut, "/smtp/tests/*"), "Token",
			[]string{"Rule/TokenIsRequired"},
			"2 messages were delivered, want 0",
		},
		"ResponsesHoldThePassword": {
			answersHold(func(password string) string { return password }),
			"WeakTag",
			[]string{"Rule/WeakTagCountsAsStrong"},
			"PUT /smtp, 200: the response contains a password",
		},
		"ResponsesHoldTheEscapedPassword": {answersHold(func(password string) string {
			var escaped strings.Builder
			for _, r := range password {
				fmt.Fprintf(&escaped, `\u%04x`, r)
			}
			return escaped.String()
		}), "WeakTag", []string{"Rule/WeakTagCountsAsStrong"}, "PUT /smtp, 200: the response contains a password"},
		"ResponsesHoldTheLogin": {answersHold(func(password string) string {
			return base64.StdEncoding.EncodeToString([]byte("\x00mailer@example.com\x00" + password))
		}), "WeakTag", []string{"Rule/WeakTagCountsAsStrong"}, "PUT /smtp, 200: the response contains a password"},
		"ErrorsAreNotProblems": {func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				answer := recorded(next, r)
				if answer.Code == http.StatusNotFound {
					answer.Header().Set("Content-Type", "text/html")
					pass(w, answer, "<h1>Not found</h1>")
					return
				}
				pass(w, answer, answer.Body.String())
			})
		}, "Unknown", []string{"Rule/UnknownAddressIsAProblem", "Rule/UnknownKey"}, `content type "text/html", want application/problem+json`},
		"UnknownMembers": {func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				answer := recorded(next, r)
				pass(w, answer, strings.Replace(answer.Body.String(), `{"site_id"`, `{"password_length":7,"site_id"`, 1))
			})
		}, "SiteIDsAreEqual", []string{"Rule/SiteIDsAreEqual"}, `member "password_length" is not in the contract`},
		"IgnoresTheTestKey": {func(next http.Handler) http.Handler {
			known := map[string]bool{}
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/smtp/tests/") {
					again := known[r.URL.Path]
					known[r.URL.Path] = true
					if again {
						r.URL.Path = r.URL.Path[:len(r.URL.Path)-4] + "0000"
					}
				}
				next.ServeHTTP(w, r)
			})
		}, "SameKeySame", []string{"Rule/SameKeySameBodyIsOneMessage"}, "2 messages were delivered, want 1"},
		"ForgetsRunningTests": {
			knowsWhatEnded, "SameKeyAt",
			[]string{"Rule/SameKeyAtTheSameTimeIsOneMessage"},
			"2 messages were delivered, want 1",
		},
		"AcceptsRetriesOfEarlierWrites": {
			remembersWrites, "RetryOfAnEarlier",
			[]string{"Rule/RetryOfAnEarlierWriteIsStale"},
			"PUT /smtp answers 200, want 412 stale",
		},
		"EnabledWithoutATest": {func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				answer := recorded(next, r)
				pass(w, answer, strings.ReplaceAll(answer.Body.String(), "verification_required", "stale"))
			})
		}, "WithoutATest", []string{"Enable/RefusedWithoutATest", "Rule/EnablingWithoutATest"}, "answers 409 stale, want 409 verification_required"},
	} {
		t.Run(name, func(t *testing.T) {
			address, token := startBroken(t, test.breakage)
			out, err := try(t, nil, "-url", address, "-token", token, "-run", test.run)
			if err == nil || !strings.Contains(err.Error(), "checks failed") || !strings.Contains(out, test.says) {
				t.Errorf("%v, want %s\n%s", err, test.says, out)
			}
			var failed []string
			for line := range strings.Lines(out) {
				if fields := strings.Fields(line); len(fields) > 2 && fields[0] == "FAIL" {
					failed = append(failed, fields[1])
					if !strings.HasPrefix(fields[2], "openapi.yaml:") {
						t.Errorf("the line names no place in the contract: %s", line)
					}
				}
			}
			if !slices.Equal(failed, test.fails) {
				t.Errorf("%q failed, want %q\n%s", failed, test.fails, out)
			}
		})
	}
}
