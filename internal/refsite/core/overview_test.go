package core

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func TestOverview(t *testing.T) {
	_, s, _ := open(t, func(_ context.Context, _ site.Candidate, recipient string, _ Refresh) site.TestResult {
		return site.TestResult{Status: site.Passed, Stage: site.StageData, Recipient: recipient, TestedAt: time.Now()}
	})
	candidate := *relay.Candidate
	candidate.Settings.Username, candidate.Password = "a@example.com", secret.New("p")
	look := func() Overview {
		t.Helper()
		o, err := s.Overview(2)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	save := func(by, id string, candidate site.Candidate) {
		t.Helper()
		w := Write{ID: id, SaveRequest: site.SaveRequest{Settings: candidate.Settings, Password: candidate.Password, Revision: look().Revision}}
		if _, err := s.Commit(by, w); err != nil {
			t.Fatal(err)
		}
	}
	test := func(candidate site.Candidate) {
		t.Helper()
		if _, err := s.PutTest(t.Context(), uuid.NewString(), site.TestRequest{Candidate: &candidate, Recipient: "r@example.com"}); err != nil {
			t.Fatal(err)
		}
	}
	if o := look(); o.Applied != nil || o.Pass != nil || o.Tests != nil || o.PasswordSetBy != "" {
		t.Errorf("a new site: got %+v", o)
	}
	save("terraform", site.NewWriteID("MANAGER2"), candidate)
	if o := look(); o.PasswordSetBy != "terraform" || o.PasswordSetAt != o.UpdatedAt || o.Applied == nil || o.Applied.PasswordID != o.PasswordID {
		t.Errorf("after an apply: got %+v", o)
	}
	applied := look()
	keep := candidate
	keep.Password = secret.Text{}
	save("admin", "", keep)
	if o := look(); o.PasswordSetBy != "terraform" || *o.Applied != *applied.Applied || o.UpdatedBy != "admin" {
		t.Errorf("after a write without a password: got %+v", o)
	}
	other := candidate
	other.Password = secret.New("q")
	test(candidate)
	test(other)
	test(other)
	o := look()
	if o.Pass == nil || len(o.Tests) != 2 || o.Tests[0].OfSaved || o.Tests[0].Status != site.Passed || o.Tests[0].Settings != other.Settings {
		t.Errorf("after tests: got %+v", o)
	}
	save("admin", "", other)
	if o := look(); o.PasswordSetBy != "admin" || !o.Tests[0].OfSaved || o.Pass == nil || o.Applied.PasswordID == o.PasswordID {
		t.Errorf("after a new password: got %+v", o)
	}
}

func TestOverviewAfterAWhile(t *testing.T) {
	c, s, _ := open(t, func(context.Context, site.Candidate, string, Refresh) site.TestResult {
		return site.TestResult{Status: site.Passed, TestedAt: time.Now()}
	})
	if _, err := s.Commit("terraform", Write{ID: site.NewWriteID("MANAGER2"), SaveRequest: site.SaveRequest{Settings: relay.Candidate.Settings, Revision: "0"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutTest(t.Context(), uuid.NewString(), relay); err != nil {
		t.Fatal(err)
	}
	look := func() Overview {
		t.Helper()
		o, err := s.Overview(1)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	if o := look(); o.Pass == nil {
		t.Errorf("a recent pass: got %+v", o)
	}
	c.Now = func() time.Time { return time.Now().Add(c.PassAge + time.Minute) }
	if o := look(); o.Pass != nil || !o.Tests[0].OfSaved {
		t.Errorf("an old pass: got %+v", o)
	}
	if _, err := s.Clear("terraform", "", look().Revision); err != nil {
		t.Fatal(err)
	}
	if o := look(); o.Applied != nil || o.PasswordSetBy != "" || o.Tests[0].OfSaved {
		t.Errorf("after clearing: got %+v", o)
	}
}
