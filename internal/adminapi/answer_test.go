package adminapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// failure makes one GET that a site gives answer to, and returns how it failed.
func failure(t *testing.T, answer http.HandlerFunc, out any) *adminapi.Error {
	t.Helper()
	err := get(t.Context(), play(t, nil, adminapitest.Step{Call: "GET /thing", Answer: answer}), out)
	e, ok := errors.AsType[*adminapi.Error](err)
	if !ok {
		t.Fatalf("got %v, want an *Error", err)
	}
	return e
}

func TestRedirectsNameBothOrigins(t *testing.T) {
	for location, want := range map[string]string{
		"https://elsewhere.example/admin?token=hush#x": "http://127.0.0.1:8080 redirects to https://elsewhere.example:443/admin,",
		"https://u:hush@elsewhere.example/":            "http://127.0.0.1:8080 redirects to https://elsewhere.example:443/,",
		"/login?token=hush":                            "http://127.0.0.1:8080 redirects to http://127.0.0.1:8080/login,",
		"http://%zz":                                   "http://127.0.0.1:8080 redirects to nowhere,",
		"":                                             "http://127.0.0.1:8080 redirects to nowhere,",
	} {
		synctest.Test(t, func(t *testing.T) {
			e := failure(t, adminapitest.WithHeader("Location", location, adminapitest.JSON(307, `{}`)), nil)
			if e.Kind != adminapi.Redirected || !strings.Contains(e.Error(), want) || strings.Contains(e.Error(), "hush") {
				t.Errorf("%q: got %v", location, e)
			}
		})
	}
}

func gzipped(t *testing.T, size int64) http.HandlerFunc {
	t.Helper()
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, io.LimitReader(new(spaces), size)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return adminapitest.WithHeader("Content-Encoding", "gzip", adminapitest.JSON(200, packed.String()))
}

// spaces counts how many of them were read.
type spaces struct{ read atomic.Int64 }

func (s *spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	s.read.Add(int64(len(p)))
	return len(p), nil
}

func huge(s *spaces) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, io.LimitReader(s, 100<<20))
	}
}

// The end of an answer that is too large need not be waited for, nor be held in memory.
func TestATooLargeAnswerIsNotReadOn(t *testing.T) {
	t.Run("R14", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var sent spaces
			e := failure(t, huge(&sent), nil)
			if got := sent.read.Load(); e.Kind != adminapi.Malformed || got > 4<<20 {
				t.Errorf("the client read %d bytes: %v", got, e)
			}
		})
	})
}

func TestAnswersThatAreNotOnes(t *testing.T) {
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"100 MB":                      {huge(new(spaces)), "larger than 1048576 bytes"},
		"gzip bomb":                   {gzipped(t, 16<<20), "larger than 1048576 bytes"},
		"page":                        {adminapitest.HTML(200), "not JSON (text/html; charset=utf-8)"},
		"nothing":                     {adminapitest.JSON(200, ""), "empty"},
		"no content":                  {adminapitest.JSON(204, ""), "empty"},
		"truncated":                   {adminapitest.JSON(200, `{"answer":4`), "not JSON"},
		"twice":                       {adminapitest.JSON(200, `{"answer":1}{"answer":2}`), "not JSON"},
		"duplicate member":            {adminapitest.JSON(200, `{"answer":1,"answer":2}`), `"answer" occurs twice`},
		"duplicate in another case":   {adminapitest.JSON(200, `{"answer":1,"ANSWER":2}`), `"ANSWER" occurs twice`},
		"duplicate deep inside":       {adminapitest.JSON(200, `{"a":[{"b":{"c":1,"d":{},"c":2}}]}`), `"c" occurs twice`},
		"duplicate in another spell":  {adminapitest.JSON(200, `{"answer":1,"\u0061nswer":2}`), `"answer" occurs twice`},
		"hostile duplicate":           {adminapitest.JSON(200, `{"\u001b[31m":1,"\u001b[31m":2}`), `occurs twice`},
		"too deep":                    {adminapitest.JSON(200, strings.Repeat("[", 1<<19)+strings.Repeat("]", 1<<19)), "not JSON"},
		"wrong shape":                 {adminapitest.JSON(200, `{"answer":"forty-two"}`), "an unexpected form"},
		"an array":                    {adminapitest.JSON(200, `[]`), "an unexpected form (array)"},
		"NUL and other bytes":         {adminapitest.JSON(200, "\x00\xff\xfe"), "not JSON"},
		"page without a content type": {adminapitest.WithHeader("Content-Type", "", adminapitest.HTML(200)), "not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out struct{ Answer int }
				e := failure(t, tt.answer, &out)
				if e.Kind != adminapi.Malformed || !strings.Contains(e.Error(), tt.want) {
					t.Errorf("got %s: %v", e.Kind, e)
				}
				if len(e.Error()) > 1000 || strings.ContainsAny(e.Error(), "\x00\x1b\n") {
					t.Errorf("the error is too long or holds control characters: %q", e.Error())
				}
			})
		})
	}
}

// An answer that is not one to the call leaves open what became of it, as one does that cannot be read.
func TestAnAnswerThatCheckRefusesIsMalformed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out struct{ Answer int }
		client := play(t, nil,
			adminapitest.Step{Call: "PUT /thing", Answer: adminapitest.JSON(200, `{"answer":1}`)},
			adminapitest.Step{Call: "PUT /thing", Answer: adminapitest.JSON(200, `{"answer":2}`)},
			adminapitest.Step{Call: "PUT /thing", Answer: adminapitest.JSON(200, `{"answer":3}`)})
		asked := 0
		request := adminapi.Request{
			Method: "PUT", Path: "/thing", Repeat: adminapi.IfUndone,
			Check: func() error {
				if out.Answer != 2 {
					return errors.New("not the answer")
				}
				return nil
			},
			Done: func(context.Context) (bool, error) { asked++; return false, nil },
		}
		if _, err := client.Do(t.Context(), request, &out); err != nil || out.Answer != 2 || asked != 1 {
			t.Errorf("got %d, %v after %d requests", out.Answer, err, asked)
		}
		request.Done, request.Repeat = nil, adminapi.Always
		_, err := client.Do(t.Context(), request, &out)
		e, ok := errors.AsType[*adminapi.Error](err)
		if !ok || e.Kind != adminapi.Malformed || !e.Undecided() || !strings.Contains(e.Error(), "not the answer") {
			t.Errorf("got %v", err)
		}
	})
}

func TestForeignErrorsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noise := adminapitest.Raw("HTTP/1.1 \x1b[31m"+strings.Repeat("x", 50_000)+" \r\n\r\n", false)
		steps := slices.Repeat([]adminapitest.Step{{Call: "GET /thing", Answer: noise}}, 4)
		err := get(t.Context(), play(t, nil, steps...), nil)
		if err == nil || len(err.Error()) > 1000 || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("got %d characters: %.1000q", len(fmt.Sprint(err)), err)
		}
	})
}

func TestGoodAnswers(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"plain":            adminapitest.JSON(200, `{"answer":42}`),
		"created":          adminapitest.JSON(201, `{"answer":42}`),
		"unknown members":  adminapitest.JSON(200, ` {"answer":42, "new":{"answer":1}, "list":[{"answer":1},{"answer":2}]} `),
		"no content type":  adminapitest.WithHeader("Content-Type", "text/plain", adminapitest.JSON(200, `{"answer":42}`)),
		"just below a MiB": adminapitest.JSON(200, strings.Repeat(" ", 1<<20-13)+`{"answer":42}`),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out struct{ Answer int }
				client := play(t, nil, adminapitest.Step{Call: "GET /thing", Answer: answer})
				if err := get(t.Context(), client, &out); err != nil || out.Answer != 42 {
					t.Errorf("got %+v, %v", out, err)
				}
			})
		})
	}
}

// Some products write whole numbers as 1.0. Reading those must not change others, which are exact only as integers.
func TestWholeNumbersStayExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out struct {
			Answer, Least int
			ID            int64
		}
		answer := adminapitest.JSON(200, `{"answer":42.0,"least":-1e2,"id":9007199254740993}`)
		client := play(t, nil, adminapitest.Step{Call: "GET /thing", Answer: answer})
		if err := get(t.Context(), client, &out); err != nil || out.Answer != 42 || out.Least != -100 || out.ID != 1<<53+1 {
			t.Errorf("got %+v, %v", out, err)
		}
	})
}

func TestAnAnswerReplacesWhatOutHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := struct{ Answer, Other int }{1, 2}
		client := play(t, nil, adminapitest.Step{Call: "GET /thing", Answer: adminapitest.JSON(200, `{"answer":42}`)})
		if err := get(t.Context(), client, &out); err != nil || out.Answer != 42 || out.Other != 0 {
			t.Errorf("got %+v, %v", out, err)
		}
	})
}

func TestProblems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := failure(t, adminapitest.Problem(422, "invalid", `"field":"host"`, `"detail":"no such\nhost"`, `"hint":"look"`), nil)
		if e.Status != 422 || e.Code != "invalid" || e.Field != "host" || e.Detail != "no such host" {
			t.Errorf("got %+v", e)
		}
		if want := "GET http://127.0.0.1:8080/thing: 422 invalid: no such host"; e.Error() != want {
			t.Errorf("got  %s\nwant %s", e, want)
		}
		var more struct{ Hint string }
		if err := e.Decode(&more); err != nil || more.Hint != "look" {
			t.Errorf("Decode: got %+v, %v", more, err)
		}
	})
}

func TestHostileProblems(t *testing.T) {
	for name, tt := range map[string]struct{ body, want string }{
		"page":             {"<html>", "409 Conflict, and not from the site's admin API: it looks like a web page"},
		"nothing":          {"", "409 Conflict"},
		"more than a MiB":  {`{"detail":"` + strings.Repeat("x", 1<<20) + `"}`, "409 Conflict"},
		"64 KiB":           {`{"detail":"Busy"}` + strings.Repeat(" ", 64<<10-17), "409 Conflict: Busy"},
		"more than 64 KiB": {`{"detail":"Busy"}` + strings.Repeat(" ", 64<<10-16), "409 Conflict"},
		"null":             {"null", "409 Conflict"},
		"array":            {"[1]", "409 Conflict"},
		"wrong types":      {`{"code":5,"detail":{"x":1},"field":null,"title":["y"]}`, "409 Conflict"},
		"duplicates":       {`{"code":"a","code":"b"}`, "409 Conflict"},
		"title only":       {`{"title":"Busy"}`, "409 Conflict: Busy"},
		"message":          {`{"title":"Busy","message":"Come back later.","data":{}}`, "409 Conflict: Come back later."},
		"detail":           {`{"message":"Busy","detail":"Come back later."}`, "409 Conflict: Come back later."},
		"control sequence": {`{"code":"a\u001b[2Jb","detail":"\u202Ex\r\ny\u0000z"}`, "409 ab: x yz"},
		"long":             {`{"detail":"` + strings.Repeat("ä", 5000) + `"}`, "409 Conflict: " + strings.Repeat("ä", 499) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := failure(t, adminapitest.JSON(409, tt.body), nil)
				if want := "GET http://127.0.0.1:8080/thing: " + tt.want; e.Error() != want {
					t.Errorf("got  %s\nwant %s", e, want)
				}
				var more map[string]any
				if name == "page" && e.Decode(&more) == nil {
					t.Error("Decode accepted a page")
				}
			})
		})
	}
}

func withHeaders(headers map[string]string, next http.HandlerFunc) http.HandlerFunc {
	for name, value := range headers {
		next = adminapitest.WithHeader(name, value, next)
	}
	return next
}

func page(title, text string) string {
	return "<!DOCTYPE html>\n<html><head><title>" + title + "</title><style>p{}</style></head>\n<body><script>x()</script><p>" + text + "</p><p>More</p></body></html>"
}

// What stands in front of a site is told apart from the site, so that nobody changes credentials that are right.
func TestAnswersInFrontOfASite(t *testing.T) {
	const said = ", and not from the site's admin API: it looks like "
	for name, tt := range map[string]struct {
		status  int
		headers map[string]string
		body    string
		want    string
	}{
		"CloudflareChallenge": {
			403,
			map[string]string{"Cf-Mitigated": "challenge", "Server": "cloudflare"},
			page("Just a moment...", "Enable JavaScript"),
			"403 Forbidden" + said + `a Cloudflare challenge (title "Just a moment...", server "cloudflare", text "Enable JavaScript")`,
		},
		"CloudflareFirewall": {
			403,
			map[string]string{"Server": "cloudflare"},
			page("Attention Required! | Cloudflare", "Sorry, you have been blocked"),
			"403 Forbidden" + said + `the Cloudflare firewall (`,
		},
		"CloudflareWithoutOrigin": {521, map[string]string{"Server": "cloudflare"}, page("site.example | 521: Web server is down", "Error 521"), "521" + said + "Cloudflare ("},
		"Staging": {
			401,
			map[string]string{"WWW-Authenticate": `Basic realm="Staging"`, "Server": "nginx"},
			page("401 Authorization Required", "401 Authorization Required"),
			"401 Unauthorized" + said + `the login of a staging site, or of the web server (HTTP basic authentication) (title "401 Authorization Required", server "nginx"`,
		},
		"StagingWithoutAPage": {401, map[string]string{"WWW-Authenticate": "basic"}, "", "401 Unauthorized" + said + "the login of a staging site"},
		"Plugin":              {403, nil, page("403 Forbidden", "Your access to this site has been limited. <i>Generated by Wordfence</i>"), "403 Forbidden" + said + "the security plugin Wordfence ("},
		"ModSecurity":         {406, nil, page("Not Acceptable!", "This error was generated by Mod_Security."), "406 Not Acceptable" + said + "the firewall ModSecurity ("},
		"Maintenance":         {503, nil, page("Maintenance", "Briefly unavailable for scheduled maintenance."), "503 Service Unavailable" + said + `a maintenance page (title "Maintenance", `},
		"Unknown":             {404, map[string]string{"Server": "Apache"}, page("Not &amp; found\x1b[31m", "No"), "404 Not Found" + said + `a web page (title "Not & found", server "Apache", text "No")`},
		"SignAtTheEnd":        {403, nil, page("Forbidden", strings.Repeat("x", 64<<10)+" wordfence"), "403 Forbidden" + said + "a web page ("},
		"TheSite":             {401, map[string]string{"WWW-Authenticate": "Bearer"}, "", "401 Unauthorized"},
		"TheSiteInJSON":       {403, map[string]string{"Server": "cloudflare"}, `{"detail":"not for you"}`, "403 Forbidden: not for you"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answer := withHeaders(tt.headers, adminapitest.JSON(tt.status, tt.body))
				_, err := play(t, nil, adminapitest.Step{Call: "POST /thing", Answer: answer}).Do(t.Context(), adminapi.Request{Method: "POST", Path: "/thing"}, nil)
				e, ok := errors.AsType[*adminapi.Error](err)
				got := strings.TrimPrefix(fmt.Sprint(err), "POST http://127.0.0.1:8080/thing: ")
				if !ok || !strings.HasPrefix(got, tt.want) || (e.Front != "") != strings.Contains(tt.want, said) || e.Front == "" && got != tt.want {
					t.Errorf("got  %s\nwant %s", got, tt.want)
				}
			})
		})
	}
}

// A login with every request is the site's own where a web server asks for one too.
func TestABasicLoginIsTheSites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := withHeaders(map[string]string{"WWW-Authenticate": "Basic"}, adminapitest.JSON(401, ""))
		err := get(t.Context(), play(t, adminapi.Basic("admin", secret.New("canary")), adminapitest.Step{Call: "GET /thing", Answer: refused}), nil)
		if e, ok := errors.AsType[*adminapi.Error](err); !ok || e.Front != "" || !strings.HasSuffix(err.Error(), "401 Unauthorized") {
			t.Errorf("got %v", err)
		}
	})
}

func TestRefusalsKeepTheirReason(t *testing.T) {
	for name, tt := range map[string]struct{ kind, body, want string }{
		"Error":             {"application/json", `{"error":"no such\nroute"}`, "404 Not Found: no such route"},
		"ErrorObject":       {"application/json", `{"error":{"message":"no such route","code":4}}`, "404 Not Found: no such route"},
		"OAuth":             {"application/json", `{"error_description":"gone"}`, "404 Not Found: gone"},
		"OtherCase":         {"application/json", `{"Code":"not_found","DETAIL":"gone"}`, "404 not_found: gone"},
		"PlainText":         {"text/plain; charset=utf-8", "404 page\r\nnot found\x1b[0m", "404 Not Found: 404 page not found"},
		"BinaryContentType": {"application/octet-stream", "secret bytes", "404 Not Found"},
		"LongText":          {"text/plain", strings.Repeat("x", 64<<10), "404 Not Found: " + strings.Repeat("x", 499) + "…"},
		"TooLongText":       {"text/plain", strings.Repeat("x", 64<<10+1), "404 Not Found"},
		"TitleWins":         {"application/json", `{"title":"Busy","error":"E1"}`, "404 Not Found: Busy"},
		"ByteOrderMark":     {"application/json", "\xef\xbb\xbf{\"detail\":\"gone\"}", "404 Not Found: gone"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := failure(t, adminapitest.WithHeader("Content-Type", tt.kind, func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(http.StatusNotFound)
					_, _ = io.WriteString(w, tt.body)
				}), nil)
				if want := "GET http://127.0.0.1:8080/thing: " + tt.want; e.Error() != want {
					t.Errorf("got  %s\nwant %s", e, want)
				}
			})
		})
	}
}

func TestAnAnswerOfAnotherShapeNamesTheMember(t *testing.T) {
	type inner struct {
		Port int       `json:"port"`
		At   time.Time `json:"at"`
	}
	for body, want := range map[string]string{
		`{"a":{"port":"587"}}`:                `an unexpected form: "a.port" is a string`,
		`{"a":{"port":1.5}}`:                  `an unexpected form: "a.port" is a number 1.5`,
		`{"a":{"port":1e300}}`:                `an unexpected form: "a.port" is a number 1e300`,
		`{"a":{"port":1,"at":"yesterday"}}`:   `an unexpected form: "a.at" is not a time (RFC 3339)`,
		`{"b":[1.0],"a":{"port":"x","at":5}}`: `an unexpected form`,
		`<p>`:                                 `it is not JSON (application/json): it looks like a web page`,
		`oops, {"a":1}`:                       `it is not JSON (application/json, begins "oops, {\"a\":1}")`,
	} {
		synctest.Test(t, func(t *testing.T) {
			var out struct {
				A inner `json:"a"`
			}
			if e := failure(t, adminapitest.JSON(200, body), &out); e.Kind != adminapi.Malformed || !strings.Contains(e.Error(), want) {
				t.Errorf("%s: got %v", body, e)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		packed := withHeaders(map[string]string{"Content-Encoding": "br", "Content-Type": ""}, adminapitest.JSON(200, "\x0b\x02"+strings.Repeat("y", 50)))
		if e := failure(t, packed, &struct{}{}); !strings.Contains(e.Error(), `encoding br, begins "`+strings.Repeat("y", 39)+`…")`) {
			t.Errorf("got %v", e)
		}
	})
}

func TestNumbersThatAreWholeAndKeysInAnyCase(t *testing.T) {
	for _, body := range []string{
		`{"port":587.0,"list":[1.0,2]}`, `{"PORT":5.87e2,"List":[1,2.00]}`, "\xef\xbb\xbf" + `{"port":587,"list":[1,2],"other":[1.5,{"x":0.5}]}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			var out struct {
				Port int   `json:"port"`
				List []int `json:"list"`
			}
			client := play(t, nil, adminapitest.Step{Call: "GET /thing", Answer: adminapitest.JSON(200, body)})
			if err := get(t.Context(), client, &out); err != nil || out.Port != 587 || !slices.Equal(out.List, []int{1, 2}) {
				t.Errorf("%s: got %+v, %v", body, out, err)
			}
		})
	}
}

// What a site says in a success is shown and kept too.
func TestSuccessesRepeatNoSecret(t *testing.T) {
	type settings struct{ Name, Username string }
	type body struct {
		Settings settings        `json:"settings"`
		Password adminapi.Secret `json:"password"`
	}
	type answer struct {
		Settings *settings
		Reply    string
		Many     []struct{ Text string }
		Again    adminapi.Secret
	}
	synctest.Test(t, func(t *testing.T) {
		client := play(t, adminapi.Bearer(secret.New("token-canary")), adminapitest.Step{Call: "PUT /thing", Answer: adminapitest.JSON(200, `{
			"settings":{"name":"Shop of the mail-canary  ","username":"mail-canary"}, "reply":"250  Ok\u001b[0m bWFpbC1jYW5hcnk=",
			"many":[{"text":"Bearer token-canary"},{"text":"Two  spaces"}], "again":"mail-canary"}`)},
			adminapitest.Step{Call: "GET /thing", Answer: adminapitest.JSON(200, `{"settings":{"name":"mail-canary of another","username":"mail-canary"}}`)})
		var got answer
		_, err := client.Do(t.Context(), adminapi.Request{Method: "PUT", Path: "/thing", Body: body{
			// Some mail services take one token as both.
			settings{"Shop of the mail-canary  ", "mail-canary"}, adminapi.Secret{Text: secret.New("mail-canary")},
		}}, &got)
		want := answer{
			Settings: &settings{"Shop of the mail-canary  ", "mail-canary"}, Reply: "250 Ok [redacted]", Again: got.Again,
			Many: []struct{ Text string }{{"Bearer [redacted]"}, {"Two  spaces"}},
		}
		if err != nil || !reflect.DeepEqual(got, want) || got.Again.Reveal() != "mail-canary" {
			t.Errorf("got %+v, %v\nwant %+v", got, err, want)
		}
		if err := get(t.Context(), client, &got); err != nil || *got.Settings != (settings{"[redacted] of another", "mail-canary"}) {
			t.Errorf("got %+v, %v", got.Settings, err)
		}
	})
}

// TestAnySuccessRepeatsNoSecret: in values of any shape, too.
func TestAnySuccessRepeatsNoSecret(t *testing.T) {
	type answer struct {
		Any   any               `json:"any"`
		Names map[string]string `json:"names"`
		Many  map[string][]any  `json:"many"`
		Raw   json.RawMessage   `json:"raw"`
		Plain json.RawMessage   `json:"plain"`
	}
	synctest.Test(t, func(t *testing.T) {
		client := play(t, adminapi.Bearer(secret.New("token-canary")), adminapitest.Step{Call: "GET /thing", Answer: adminapitest.JSON(200, `{
			"any": {"one": ["a token-canary", 1, null, {"token-canary": true}]}, "names": {"a token-canary": "b  token-canary", "c": "d  e", "f  g": "token-canary"},
			"many": {"f": ["token-canary", 1.5]}, "raw": {"g": ["\u0074oken-canary", 12345678901234567890]}, "plain": {"h":  "i"}}`)})
		var got answer
		want := answer{
			Any:   map[string]any{"one": []any{"a [redacted]", 1.0, nil, map[string]any{"[redacted]": true}}},
			Names: map[string]string{"a [redacted]": "b [redacted]", "c": "d  e", "f  g": "[redacted]"},
			Many:  map[string][]any{"f": {"[redacted]", 1.5}},
			Raw:   json.RawMessage(`{"g":["[redacted]",12345678901234567890]}`), Plain: json.RawMessage(`{"h":  "i"}`),
		}
		if err := get(t.Context(), client, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v\nwant %+v", got, err, want)
		}
	})
}

// TestWhatIsNoJSONRepeatsNoSecret: what is shown of an answer is shortened after the token was taken out of it, and not before.
func TestWhatIsNoJSONRepeatsNoSecret(t *testing.T) {
	const token = "at_Q3Vtb24tY2FuYXJ5LW9mLWEtdG9rZW4tdGhhdC1pcy1sb25n"
	front := strings.Repeat("x", 70) + " "
	for name, answer := range map[string]struct {
		status int
		header [2]string
		body   string
	}{
		"Text":       {200, [2]string{"Content-Type", "text/plain"}, token},
		"TextBehind": {200, [2]string{"Content-Type", "text/plain"}, "tok " + token},
		"Title":      {403, [2]string{"Content-Type", "text/html"}, "<html><title>" + front + token + "</title></html>"},
		"Server":     {403, [2]string{"Server", front + token}, "<html></html>"},
		"Line":       {503, [2]string{"Content-Type", "text/html"}, "<html><p>" + front + token + "</p></html>"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := play(t, adminapi.Bearer(secret.New(token)), adminapitest.Step{Call: "GET /thing", Answer: func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set(answer.header[0], answer.header[1])
					w.WriteHeader(answer.status)
					_, _ = io.WriteString(w, answer.body)
				}})
				var got struct{}
				_, err := client.Do(t.Context(), adminapi.Request{Method: "GET", Path: "/thing"}, &got)
				if err == nil || strings.Contains(err.Error(), token[:8]) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// echoes are answers that repeat what the request held, each in another place.
var echoes = map[string]http.HandlerFunc{
	"problem": func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		detail, _ := json.Marshal(r.Header.Get("Authorization") + string(body))
		adminapitest.Problem(422, "invalid", `"detail":`+string(detail), `"body":`+string(body))(w, r)
	},
	"problem, with a token in a header of its own": func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		detail, _ := json.Marshal(r.Header.Get("X-Site-Token") + string(body))
		adminapitest.Problem(422, "invalid", `"detail":`+string(detail))(w, r)
	},
	"problem, with what no one sees in it": func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		detail, _ := json.Marshal(strings.ReplaceAll(r.Header.Get("Authorization")+string(body), "cana", "ca\u200bna"))
		adminapitest.Problem(422, "invalid", `"detail":`+string(detail))(w, r)
	},
	"status line": func(w http.ResponseWriter, r *http.Request) {
		adminapitest.Raw("HTTP/1.1 "+strings.ReplaceAll(r.Header.Get("Authorization"), " ", "_")+"\r\n\r\n", false)(w, r)
	},
	"redirect": func(w http.ResponseWriter, r *http.Request) {
		target := "/" + url.PathEscape(r.Header.Get("Authorization"))
		adminapitest.WithHeader("Location", target, adminapitest.JSON(302, ""))(w, r)
	},
	"malformed body": func(w http.ResponseWriter, r *http.Request) {
		member := strconv.Quote(r.Header.Get("Authorization")) + ":1"
		adminapitest.JSON(200, "{"+member+","+member+"}")(w, r)
	},
}

func TestErrorsDoNotRepeatSecrets(t *testing.T) {
	mail := secret.New(`mäil-canary "quoted" & <bracketed>`)
	for scheme, credentials := range map[string]adminapi.Credentials{
		"bearer": adminapi.Bearer(secret.New("token-canary")),
		"basic":  adminapi.Basic("admin", secret.New("login-canary")),
		"both":   adminapi.WithToken(adminapi.Basic("admin", secret.New("login-canary")), "X-Site-Token", secret.New("token-canary")),
	} {
		for place, echo := range echoes {
			t.Run(scheme+"/"+place, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					_, err := play(t, credentials, adminapitest.Step{Call: "POST /thing", Answer: echo}).Do(t.Context(), adminapi.Request{
						Method: "POST", Path: "/thing", Body: login{Password: adminapi.Secret{Text: mail}},
					}, &struct{ Answer int }{})
					e, ok := errors.AsType[*adminapi.Error](err)
					if !ok {
						t.Fatalf("got %v", err)
					}
					var body map[string]any
					_ = e.Decode(&body)
					text := fmt.Sprintf("%v %+v %q %v", err, err, e.Detail, body)
					if strings.Contains(text, "canary") || strings.Contains(text, "YWRtaW46") {
						t.Errorf("the error shows a secret: %s", text)
					}
					if !strings.Contains(text, "[redacted]") {
						t.Errorf("the response echoed no secret, so this tested nothing: %s", text)
					}
				})
			})
		}
	}
}
