package diagnosis

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// Failure is a test that did not pass, with all that its reader needs to know.
type Failure struct {
	Result   site.TestResult
	Settings site.Settings
	// Machine is where the test was made, "the site" or "this machine": their networks differ.
	Machine string
	// State is one sentence on what the site holds now and whether its mail is on.
	State string
	// Attempts is how many tests were made, and Spent how long that took; 0 leaves them out.
	Attempts int
	Spent    time.Duration
	// Advice is what else to do, where the caller knows more than the table; may be empty.
	Advice string
	// Secrets are taken out of everything that comes from outside, as they are and in the forms in which they travel.
	Secrets []secret.Text
}

// quoted is how many characters of a quote are shown.
const quoted = 500

// Text explains the failure in sections of at most 78 columns: what was tried, the server's words, what they mean,
// what to do, what came of it, and the row of the guide. Every line begins with a space, which keeps
// Terraform from wrapping it again and from reading colours into it.
func (f Failure) Text() string {
	f = f.sanitized()
	d := f.diagnosis()
	var p page
	p.section("Tried", f.tried())
	reply := f.Result.Reply
	if reply != nil {
		p.quote("Server said", untrusted.Shorten(reply.String(), quoted))
	}
	// A mail server that accepted the message is not the one that failed; what does not arrive has no error of its own.
	if reply == nil || f.Result.Stage == site.StageArrival && f.Result.Shortfall != site.NotArrived {
		p.quote("Error", untrusted.Shorten(f.Result.Error, quoted))
	}
	p.section("Means", d.Cause)
	p.section("Do", d.Remedy+"\n"+f.Advice)
	p.link(d.URL)
	p.section("Result", strings.TrimSpace(f.State+" "+again(f.Result.Status, d.Retry)))
	p.section("Details", d.ID)
	if _, known := load().byID[d.ID]; known {
		p.link(GuideURL(d.ID))
	}
	return p.String()
}

// Diagnosis returns the verdict that Text explains, fit to be shown. It is ours, unless the site came to another: a site
// knows rules of its own, such as where it may connect to.
func (f Failure) Diagnosis() site.Diagnosis { return f.sanitized().diagnosis() }

// sanitized returns f with all that comes from outside fit to be shown.
func (f Failure) sanitized() Failure {
	f.Result = Fit(f.Result, f.Settings.Username, f.Secrets...)
	f.State = untrusted.Brief(f.State, longText)
	return f
}

func (f Failure) diagnosis() site.Diagnosis {
	ours := Of(f.Result, f.Settings)
	if theirs := f.Result.Diagnosis; theirs != nil && theirs.ID != ours.ID {
		return *theirs
	}
	return ours
}

// tried says what was done, from where, and how far it came.
func (f Failure) tried() string {
	s, r := f.Settings, f.Result
	if r.Unsent {
		return "From this machine to the test inbox, which is opened first. No test message was sent."
	}
	var b strings.Builder
	fmt.Fprintf(&b, "From %s to %s, encryption %s", f.Machine, untrusted.Brief(net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), 300), untrusted.Brief(string(s.Encryption), 20))
	if r.Recipient != "" {
		fmt.Fprintf(&b, ", a message from %s to %s", untrusted.Brief(s.FromAddress, 254), r.Recipient)
	}
	b.WriteString(". ")
	if len(r.Stages) > 0 {
		fmt.Fprintf(&b, "Passed %s. ", passed(r.Stages))
	}
	if r.Status == site.InDoubt {
		b.WriteString("In doubt")
	} else {
		b.WriteString("Failed")
	}
	if r.Stage != "" {
		fmt.Fprintf(&b, " at %s", r.Stage)
	}
	if endpoint, err := url.Parse(s.TokenURL); err == nil && r.Stage == site.StageToken && endpoint.Host != "" {
		fmt.Fprintf(&b, " (%s)", untrusted.Brief(endpoint.Host, 254)) // where the preset or the tenant leads
	}
	if f.Attempts > 1 {
		fmt.Fprintf(&b, ", %d tests in %s", f.Attempts, f.Spent.Round(time.Second))
	}
	b.WriteString(".")
	return b.String()
}

func passed(stages []site.StageTime) string {
	parts := make([]string, len(stages))
	for i, s := range stages {
		parts[i] = string(s.Stage)
		if s.Duration > 0 { // a site need not say it
			parts[i] += " " + max(s.Duration, time.Millisecond).Round(time.Millisecond).String()
		}
	}
	return strings.Join(parts, ", ")
}

// again says whether applying again can help.
func again(status site.Status, retry site.Retry) string {
	switch {
	case status == site.InDoubt:
		return "Applying again sends another message."
	case retry == site.RetryShort:
		return "Applying again in a few minutes may help."
	case retry == site.RetryLong:
		return "Applying again may help, after hours or a day."
	default:
		return "Fix this first; retrying will not help."
	}
}
