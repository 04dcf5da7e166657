package refsite_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func benchServer(b *testing.B) *refsite.Server {
	b.Helper()
	server, err := refsite.New(refsite.Config{DataFile: filepath.Join(b.TempDir(), "data"), Keys: seal.Generate(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := server.Close(context.WithoutCancel(b.Context())); err != nil {
			b.Error(err)
		}
	})
	return server
}

func benchWrite(number int, revision string) core.Write {
	return core.Write{SaveRequest: site.SaveRequest{Revision: revision, Password: secret.New("a submission password"), Settings: site.Settings{
		Host: "smtp.example.com", Port: 587, Encryption: site.STARTTLS, Username: "mailer@example.com", FromAddress: "mailer@example.com",
		FromName: fmt.Sprint("Client ", number),
	}}}
}

func BenchmarkCommit(b *testing.B) {
	server := benchServer(b)
	if _, err := server.AddSite("client-a"); err != nil {
		b.Fatal(err)
	}
	edited, err := server.Site("client-a")
	if err != nil {
		b.Fatal(err)
	}
	state := site.State{Revision: "0"}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if state, err = edited.Commit("bench", benchWrite(i, state.Revision)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}

func BenchmarkGet(b *testing.B) {
	server := benchServer(b)
	credentials, err := server.AddSite("client-a")
	if err != nil {
		b.Fatal(err)
	}
	edited, err := server.Site("client-a")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := edited.Commit("bench", benchWrite(0, "0")); err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/client-a"+apiPath+"/smtp", nil)
	r.Header.Set("Authorization", "Bearer "+credentials.Token.Reveal())
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		server.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
}

func BenchmarkAddSite(b *testing.B) {
	server := benchServer(b)
	for i := 0; b.Loop(); i++ {
		if _, err := server.AddSite(fmt.Sprint("client-", i)); err != nil {
			b.Fatal(err)
		}
	}
}
