package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
)

// exchange is a request to a correct site and its response, which a broken site changes.
type exchange struct {
	*http.Request
	// below is the path below the base of the contract.
	below string
	// sent is the body as it came, body the object in it; nil for none.
	sent string
	body object
	// status, header and answer are what came back.
	status int
	header http.Header
	answer object
}

// is reports whether the request has the method and the prefix of the path.
func (x *exchange) is(method, path string) bool {
	return x.Method == method && strings.HasPrefix(x.below, path)
}

// settings are those in the request; nil for none.
func (x *exchange) settings() object {
	s, _ := x.body["settings"].(map[string]any)
	return s
}

// broken is a site that changes requests and answers. before returns false for a request that is only read.
func broken(before func(x *exchange) bool, after func(x *exchange)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent, _ := io.ReadAll(r.Body)
			_, below, _ := strings.Cut(r.URL.Path, apiPath)
			x := &exchange{Request: r, below: below, sent: string(sent)}
			_ = json.Unmarshal(sent, &x.body)
			was := fmt.Sprint(x.body)
			if before != nil && !before(x) {
				x.Method, x.body, x.sent = http.MethodGet, nil, ""
				x.URL.Path = strings.Replace(r.URL.Path, below, "/smtp", 1)
			}
			if fmt.Sprint(x.body) != was {
				changed, _ := json.Marshal(x.body)
				x.sent = string(changed)
			}
			r.Body = io.NopCloser(strings.NewReader(x.sent))
			got := recorded(next, r)
			x.status, x.header = got.Code, got.Header()
			_ = json.Unmarshal(got.Body.Bytes(), &x.answer)
			before := fmt.Sprint(x.answer)
			if after != nil {
				after(x)
			}
			text := got.Body.Bytes()
			if fmt.Sprint(x.answer) != before {
				text, _ = json.Marshal(x.answer)
			}
			maps.Copy(w.Header(), x.header)
			w.WriteHeader(x.status)
			_, _ = w.Write(text)
		})
	}
}

func requests(change func(x *exchange)) func(http.Handler) http.Handler {
	return broken(func(x *exchange) bool { change(x); return true }, nil)
}

func answers(change func(x *exchange)) func(http.Handler) http.Handler { return broken(nil, change) }

// current is the revision that the site behind has now.
func withCurrent(when func(x *exchange) bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return requests(func(x *exchange) {
			if when(x) {
				read := httptest.NewRequest(http.MethodGet, strings.Replace(x.URL.Path, x.below, "/smtp", 1), nil)
				read.Header, read.Host = x.Header.Clone(), x.Host
				x.Header.Set("If-Match", recorded(next, read).Header().Get("ETag"))
			}
		})(next)
	}
}

// withLastPassword puts the last password that was sent where one is missing.
func withLastPassword(method, path string) func(http.Handler) http.Handler {
	var last any
	return requests(func(x *exchange) {
		switch s := x.settings(); {
		case s == nil || s["username"] == "":
		case x.body["password"] != nil:
			last = x.body["password"]
		case x.is(method, path) && last != nil:
			x.body["password"] = last
		}
	})
}

// passes changes the result of a test to passed.
func passes(x *exchange) {
	x.answer["status"], x.answer["stage"], x.answer["error"], x.answer["diagnosis"], x.answer["certificate"] = "passed", "data", nil, nil, nil
	x.answer["reply"] = object{"code": 250, "enhanced_code": "", "text": "OK"}
	x.answer["message_id"] = "a@example.com"
}

var leadingCapital = regexp.MustCompile(`"(Host|ENABLED)":`)

// kinds are broken sites, each with the check that must notice.
var kinds = map[string]struct {
	breakage func(http.Handler) http.Handler
	check    string
}{
	"AcceptsMasksAsPasswords": {broken(func(x *exchange) bool {
		password, _ := x.body["password"].(string)
		return password == "" || strings.Trim(password, "*•●") != ""
	}, nil), "Rule/MaskAsPassword"},
	"TrimsNames": {requests(func(x *exchange) {
		if s := x.settings(); s != nil {
			s["from_name"] = strings.TrimSpace(s["from_name"].(string))
		}
	}), "Rule/SettingsComeBackAsSent"},
	"FoldsSpacesInNames": {requests(func(x *exchange) {
		if s := x.settings(); s != nil {
			s["from_name"] = strings.Join(strings.Fields(s["from_name"].(string)), " ")
		}
	}), "Rule/SettingsComeBackAsSent"},
	"TrimsPasswords": {requests(func(x *exchange) {
		if password, ok := x.body["password"].(string); ok {
			x.body["password"] = strings.TrimSpace(password)
		}
	}), "Rule/ThePasswordIsNotTrimmed"},
	"LastDuplicateWins": {requests(func(x *exchange) {
		if x.body != nil {
			once, _ := json.Marshal(x.body)
			x.sent = string(once)
		}
	}), "Rule/DuplicateMembers"},
	"NamesInAnyCase": {requests(func(x *exchange) {
		x.sent = leadingCapital.ReplaceAllStringFunc(x.sent, strings.ToLower)
	}), "Rule/NamesInAnotherCase"},
	"IgnoresUnknownMembers": {requests(func(x *exchange) { delete(x.body, "enable") }), "Rule/InvalidBodies"},
	"EnabledIsOptional": {requests(func(x *exchange) {
		if x.is(http.MethodPut, "/smtp") && x.settings() != nil && x.body["write_id"] != nil && x.body["enabled"] == nil {
			x.body["enabled"] = false
		}
	}), "Rule/InvalidBodies"},
	"StarMatchesAnyRevision": {withCurrent(func(x *exchange) bool { return x.Header.Get("If-Match") == "*" }), "Rule/StarIsNotARevision"},
	"AcceptsStaleWrites": {withCurrent(func(x *exchange) bool {
		return x.Method != http.MethodGet && strings.HasPrefix(x.Header.Get("If-Match"), `"`)
	}), "Rule/StaleWrite"},
	"RefusesWeakTags": {requests(func(x *exchange) {
		if strings.HasPrefix(x.Header.Get("If-Match"), "W/") {
			x.Header.Set("If-Match", `"weak"`)
		}
	}), "Rule/WeakTagCountsAsStrong"},
	"LoginWithoutEncryptionAnywhere": {broken(func(x *exchange) bool {
		s := x.settings()
		return s == nil || s["encryption"] != "none" || s["host"] != "smtp.example.com"
	}, nil), "Rule/LoginWithoutEncryption"},
	"WritesForAnotherSite": {requests(func(x *exchange) { delete(x.body, "site_id") }), "Rule/WriteForAnotherSite"},
	"ClearsForAnotherSite": {requests(func(x *exchange) { x.Header.Del("Site-ID") }), "Rule/ClearForAnotherSite"},
	"STARTTLSIsOptional": {requests(func(x *exchange) {
		if s := x.settings(); s != nil && x.is(http.MethodPut, "/smtp/tests/") && s["encryption"] == "starttls" {
			s["encryption"] = "none"
		}
	}), "Encryption/STARTTLSIsRequired"},
	"AcceptsAnyCertificate": {answers(func(x *exchange) {
		if x.status == http.StatusOK && x.answer["status"] == "failed" && x.answer["stage"] == "tls" {
			passes(x)
		}
	}), "Encryption/STARTTLSChecksTheCertificate"},
	"TLSWithoutTLS": {requests(func(x *exchange) {
		if s := x.settings(); s != nil && x.is(http.MethodPut, "/smtp/tests/") && s["encryption"] == "tls" {
			s["encryption"] = "none"
		}
	}), "Encryption/TLSIsNotPlain"},
	"ForgetsEncryption": {answers(func(x *exchange) {
		if s, ok := x.answer["settings"].(map[string]any); ok && s["encryption"] != "" {
			s["encryption"] = "starttls"
		}
	}), "Save/EverySettingIsKept"},
	"ForgetsTheHELOName": {answers(func(x *exchange) {
		if s, ok := x.answer["settings"].(map[string]any); ok {
			s["helo_name"] = ""
		}
	}), "Save/EverySettingIsKept"},
	"PasswordIDNeverChanges": {answers(func(x *exchange) {
		if x.answer["password_id"] != nil {
			x.answer["password_id"] = "1"
		}
	}), "Save/PasswordIDChangesWhenAPasswordIsSet"},
	"RevisionDependsOnContent": {func() func(http.Handler) http.Handler {
		known := map[string]any{}
		return answers(func(x *exchange) {
			if x.answer["revision"] == nil {
				return
			}
			content := fmt.Sprint(x.answer["settings"], x.answer["enabled"])
			if known[content] == nil {
				known[content] = x.answer["revision"]
			}
			x.answer["revision"] = known[content]
			x.header.Set("ETag", fmt.Sprintf("%q", known[content]))
		})
	}(), "Rule/EveryWriteIsANewRevision"},
	"VerificationOfOtherSettings": {func() func(http.Handler) http.Handler {
		var last any
		return answers(func(x *exchange) {
			if v := x.answer["verification"]; v != nil {
				last = v
			} else if s, ok := x.answer["settings"].(map[string]any); ok && s["host"] != "" {
				x.answer["verification"] = last
			}
		})
	}(), "Rule/VerificationIsOfTheSavedSettings"},
	"NoVerificationWhileMailIsOff": {answers(func(x *exchange) {
		if x.answer["enabled"] == false {
			x.answer["verification"] = nil
		}
	}), "Rule/VerificationIsOfTheSavedSettings"},
	"KeepsThePasswordWithoutAUsername": {answers(func(x *exchange) {
		if s, ok := x.answer["settings"].(map[string]any); ok && s["host"] != "" && s["username"] == "" {
			x.answer["password_set"], x.answer["password_id"] = true, "1"
		}
	}), "Rule/ThePasswordGoesWithTheUsername"},
	"AcceptsAPasswordWithoutAUsername": {requests(func(x *exchange) {
		if s := x.settings(); s != nil && s["username"] == "" {
			delete(x.body, "password")
		}
	}), "Rule/PasswordWithoutUsername"},
	"UsesTheStoredPasswordForNewSettings": {withLastPassword(http.MethodPut, "/smtp"), "Rule/ChangeWithoutThePassword"},
	"TestsUseTheStoredPassword":           {withLastPassword(http.MethodPut, "/smtp/tests/"), "Rule/TestWithoutThePassword"},
	"FailedTestsFailTheRequest":           {answers(func(x *exchange) { x.status = statusOf(x) }), "Rule/FailedTestIsAResult"},
	"QueuedMessagesPass": {func(next http.Handler) http.Handler {
		return answers(func(x *exchange) {
			if x.status == http.StatusOK && x.answer["status"] == "failed" {
				passes(x)
			}
		})(next)
	}, "Test/FailedTestIsAResultAndSavesNothing"},
	"ETagIsNotTheRevision":   {answers(func(x *exchange) { x.header.Set("ETag", `"etag"`) }), "Rule/TheETagIsTheRevision"},
	"ClearLeavesTheSettings": {broken(func(x *exchange) bool { return x.Method != http.MethodDelete || x.Header.Get("If-Match") == "" }, nil), "Clear/LeavesNothing"},
	"NoPresets": {answers(func(x *exchange) {
		if x.below == "/smtp/presets" {
			x.status = http.StatusNotFound
		}
	}), "Rule/PresetsAreListed"},
	"CutsValuesAtLineBreaks": {requests(func(x *exchange) {
		for _, values := range []object{x.body, x.settings()} {
			for name, value := range values {
				if text, ok := value.(string); ok {
					values[name], _, _ = strings.Cut(text, "\r")
				}
			}
		}
	}), "Rule/LineBreaksInValues"},
	"UsesTheStoredSecretAtOtherEndpoints": {withLastPassword(http.MethodPut, "/smtp"), "Token/TheSecretStaysWithItsTokenEndpoint"},
	"ReusesAccessTokens": {func() func(http.Handler) http.Handler {
		known := map[string]object{}
		return answers(func(x *exchange) {
			if s := x.settings(); s != nil && s["grant"] != nil && x.is(http.MethodPut, "/smtp/tests/") {
				if last := known[fmt.Sprint(s, x.body["password"])]; last != nil {
					last["key"] = strings.TrimPrefix(x.below, "/smtp/tests/")
					x.answer = last
				}
				known[fmt.Sprint(s, x.body["password"])] = x.answer
			}
		})
	}(), "Token/EachTestFetchesAToken"},
	"AnyTokenEndpoint": {requests(func(x *exchange) {
		if s := x.settings(); s != nil && s["token_url"] != nil {
			s["token_url"] = strings.Replace(s["token_url"].(string), "http://login.example", "https://login.example", 1)
		}
	}), "Token/TheTokenEndpointMustBeHTTPS"},
	"RotatedTokenChangesPasswordID": {func() func(http.Handler) http.Handler {
		tests := 0
		return answers(func(x *exchange) {
			if x.is(http.MethodPut, "/smtp/tests/") {
				tests++
			}
			if x.answer["password_id"] != nil {
				x.answer["password_id"] = fmt.Sprint(tests)
			}
		})
	}(), "Token/TestDoesNotUseUpARefreshToken"},
	"ForgetsTheClientSecret": {requests(func(x *exchange) { delete(x.body, "client_secret") }), "Token/TestDoesNotUseUpARefreshToken"},
	"NoLoginLimit": {answers(func(x *exchange) {
		if x.below == "/session" && x.status == http.StatusTooManyRequests {
			x.status, x.answer["status"], x.answer["code"] = http.StatusUnauthorized, http.StatusUnauthorized, "unauthorized"
		}
	}), "Limit/WrongLogins"},
	"NoGuessLimit": {answers(func(x *exchange) {
		if x.is(http.MethodPut, "/smtp/tests/") && x.status == http.StatusTooManyRequests {
			x.status, x.answer["status"], x.answer["code"] = http.StatusUnprocessableEntity, http.StatusUnprocessableEntity, "key_reused"
		}
	}), "Limit/GuessesOfAPassword"},
	"ALimitWithoutATime": {answers(func(x *exchange) { x.header.Del("Retry-After") }), "Limit/TestMessages"},
}

func statusOf(x *exchange) int {
	if x.answer["status"] == "failed" {
		return http.StatusBadGateway
	}
	return x.status
}

// yours are kinds of broken sites that look correct from outside. The guide lists them for builders of sites.
var yours = []string{
	"a crash leaves the old settings or the new ones", "tests are recorded before their message is sent", "the site connects only to allowed addresses",
	"the stored password is sealed", "the log does not contain the password", "a site whose data was edited disables mail when it starts",
}

func TestKindsOfBrokenSites(t *testing.T) {
	if caught := len(kinds); caught < 24 || caught+len(yours) < 31 {
		t.Errorf("%d kinds are caught and %d are not", caught, len(yours))
	}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			limits := strings.HasPrefix(kind.check, "Limit/")
			address, token := startBroken(t, kind.breakage, func(c *refsite.Config) {
				if limits {
					quota(c)
				}
			})
			out, err := try(t, nil, "-url", address, "-token", token, "-run", "^"+kind.check+"$", fmt.Sprintf("-limits=%t", limits))
			if err == nil || !strings.Contains(out, "FAIL  "+kind.check+" ") {
				t.Errorf("the check %s did not fail: %v\n%s", kind.check, err, out)
			}
		})
	}
	t.Run("CorrectSitePasses", func(t *testing.T) {
		address, token := startBroken(t, broken(nil, nil))
		if out, err := try(t, nil, "-url", address, "-token", token, "-run", "^(Rule|Encryption|Token|Save)/"); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("UncheckedKindsAreInTheGuide", func(t *testing.T) {
		guide, err := os.ReadFile("../../../../templates/guides/building-a-site.md")
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range yours {
			if !bytes.Contains(bytes.Join(bytes.Fields(guide), []byte(" ")), []byte(kind)) {
				t.Errorf("the guide does not name %q", kind)
			}
		}
	})
}
