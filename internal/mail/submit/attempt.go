package submit

import (
	"context"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// attempt is one connection on its way through the stages.
type attempt struct {
	sender   *Sender
	redactor redactor
	// conn is nil until a server took the connection.
	conn *guarded
	// talk is what is said on conn now: in clear text first, replaced by one inside TLS.
	talk *dialogue
	// offers are those of the last EHLO.
	offers extensions
	// client speaks on wire once EHLO was answered; both are nil before.
	client *smtp.Client
	wire   *primed
	// started is when the attempt began.
	started time.Time
	// seen gathers everything worth telling, the verdict included.
	seen Probe
}

// run takes the attempt from the rules through the connection to what the caller wants of it, and sets the verdict.
func (a *attempt) run(ctx context.Context, s site.Settings, rules []rule, then func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, a.sender.timeout())
	defer cancel()
	a.started = a.sender.now()
	err := a.check(ctx, rules)
	if err == nil {
		err = a.open(ctx, s)
	}
	if err == nil {
		err = then(ctx)
	}
	if err == nil {
		a.seen.Result.Status = site.Passed
	}
	a.seen.Result.TestedAt = a.sender.now()
	a.leave(ctx)
}

// stage runs one stage on the connection within its budget and writes down what became of it; the error that it returns
// only stops the caller.
func (a *attempt) stage(ctx context.Context, name site.Stage, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, budget(name))
	defer cancel()
	defer a.conn.within(ctx)()
	a.seen.Result.Stage = name
	start := a.sender.now()
	err := do(ctx)
	spent := a.sender.now().Sub(start)
	if err != nil {
		a.fail(ctx, err, spent)
		return err
	}
	a.pass(name, spent)
	return nil
}

// pass writes down a stage that was passed. A clock that was set back meanwhile makes no time negative.
func (a *attempt) pass(name site.Stage, spent time.Duration) {
	a.seen.Result.Stages = append(a.seen.Result.Stages, site.StageTime{Stage: name, Duration: max(0, spent)})
}

// budget is the longest that a stage may take. RFC 5321 section 4.5.3.2 asks for minutes, but for queues; a submission
// server may use shorter times (RFC 6409 section 5.3), and somebody waits for this test.
func budget(name site.Stage) time.Duration {
	switch name {
	case site.StageBanner:
		return 15 * time.Second
	case site.StageData:
		return 30 * time.Second
	default:
		return 10 * time.Second
	}
}

// farewell bounds QUIT, whose answer changes nothing.
const farewell = 3 * time.Second

// leave ends the connection, with QUIT where the server still listens to commands.
func (a *attempt) leave(ctx context.Context) {
	if a.conn == nil {
		return
	}
	defer a.talk.close()
	if a.seen.Result.Error != "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	defer a.conn.within(ctx)()
	_, _ = a.talk.command(221, "QUIT")
}
