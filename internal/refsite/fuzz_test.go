package refsite_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
)

// For any request, the response is one of the contract, and only requests that the contract allows are accepted.
func FuzzWrite(f *testing.F) {
	const good = `{"settings":{"host":"smtp.example.com","port":587,"encryption":"starttls","username":"u","from_address":"a@example.com",` +
		`"from_name":"A","helo_name":""},"password":"p","enabled":false,"write_id":"0a6d2c9e-2f3b-4a66-8b51-1f0d6f1f5a10","site_id":"x"}`
	for _, seed := range []string{
		good, strings.Replace(good, `,"site_id":"x"`, "", 1), strings.Replace(good, "587", "5.87e2", 1), strings.Replace(good, "587", "-0", 1),
		strings.Replace(good, `"A"`, `"\ud800"`, 1), strings.Replace(good, `"A"`, `"\u0000"`, 1), `{"settings":{}}`, `[[[[[[`, `"`, "\ufeff{}",
	} {
		f.Add([]byte(seed))
	}
	server, err := refsite.New(refsite.Config{DataFile: filepath.Join(f.TempDir(), "data"), Keys: seal.Generate(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { server.Close(f.Context()) })
	credentials, err := server.AddSite("client-a")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		edited, err := server.Site("client-a")
		if err != nil {
			t.Fatal(err)
		}
		state, err := edited.Read()
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPut, "/client-a"+apiPath+"/smtp", strings.NewReader(string(body)))
		r.Header.Set("Authorization", "Bearer "+credentials.Token.Reveal())
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("If-Match", `"`+state.Revision+`"`)
		w := httptest.NewRecorder()
		server.Handler().ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
		if err := contract.check(r, "/smtp", body, w.Result(), w.Body.Bytes()); err != nil {
			t.Fatalf("%d %s: %v", w.Code, w.Body, err)
		}
	})
}
