package provider

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// userAgent follows the form that HashiCorp's SDKs use.
func userAgent(terraformVersion, providerVersion string) string {
	return fmt.Sprintf("Terraform/%s (+https://www.terraform.io) terraform-provider-smtp/%s", terraformVersion, providerVersion)
}

// tflogHandler writes records to the Terraform log, with the fields of the RPC that their context belongs to.
type tflogHandler struct{ attrs []slog.Attr }

func (tflogHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h tflogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return tflogHandler{attrs: append(slices.Clip(h.attrs), attrs...)}
}

func (h tflogHandler) WithGroup(string) slog.Handler { return h }

func (h tflogHandler) Handle(ctx context.Context, record slog.Record) error {
	fields := make(map[string]any, len(h.attrs)+record.NumAttrs())
	for _, a := range h.attrs {
		fields[a.Key] = a.Value.Resolve().String()
	}
	record.Attrs(func(a slog.Attr) bool {
		fields[a.Key] = a.Value.Resolve().String()
		return true
	})
	switch {
	case record.Level >= slog.LevelError:
		tflog.Error(ctx, record.Message, fields)
	case record.Level >= slog.LevelWarn:
		tflog.Warn(ctx, record.Message, fields)
	case record.Level >= slog.LevelInfo:
		tflog.Info(ctx, record.Message, fields)
	default:
		tflog.Debug(ctx, record.Message, fields)
	}
	return nil
}

// logAccepted logs that a mail server accepted the test message; accepted does not mean delivered.
func logAccepted(ctx context.Context, label string, c site.Change, now site.State) {
	if !c.Steps().SendsTest || now.Verification == nil {
		return
	}
	v := now.Verification
	var redactor untrusted.Redactor
	redactor.Add(c.Candidate.Password)
	tflog.Info(ctx, fmt.Sprintf("test message accepted by %s for %s", redactor.Line(now.Settings.Host), redactor.Line(v.Recipient)),
		map[string]any{"site": label, "reply": redactor.Line(v.Reply), "message_id": redactor.Line(v.MessageID)})
}
