package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
)

// statuses maps each code of the contract to its HTTP status.
var statuses = map[problem.Code]int{
	problem.Malformed:            http.StatusBadRequest,
	problem.Unauthorized:         http.StatusUnauthorized,
	problem.NotFound:             http.StatusNotFound,
	problem.MethodNotAllowed:     http.StatusMethodNotAllowed,
	problem.VerificationRequired: http.StatusConflict,
	problem.WrongSite:            http.StatusConflict,
	problem.NotConfigured:        http.StatusConflict,
	problem.Stale:                http.StatusPreconditionFailed,
	problem.TooLarge:             http.StatusRequestEntityTooLarge,
	problem.UnsupportedMediaType: http.StatusUnsupportedMediaType,
	problem.Invalid:              http.StatusUnprocessableEntity,
	problem.PasswordRequired:     http.StatusUnprocessableEntity,
	problem.KeyReused:            http.StatusUnprocessableEntity,
	problem.PreconditionRequired: http.StatusPreconditionRequired,
	problem.RateLimited:          http.StatusTooManyRequests,
	problem.Internal:             http.StatusInternalServerError,
	problem.Stopping:             http.StatusServiceUnavailable,
	problem.Storage:              http.StatusInsufficientStorage,
	problem.Misdirected:          http.StatusMisdirectedRequest,
}

// Status returns the HTTP status of a code.
func Status(c problem.Code) int { return statuses[c] }

// problemWire is a problem document (RFC 9457 section 3).
type problemWire struct {
	Type      string       `json:"type"`
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Detail    string       `json:"detail,omitempty"`
	Code      problem.Code `json:"code"`
	Field     string       `json:"field,omitempty"`
	Revision  string       `json:"revision,omitempty"`
	UpdatedBy string       `json:"updated_by,omitempty"`
}

// fail answers with the problem document of err.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problem.Of(err)
	status := Status(p.Code)
	if status >= http.StatusInternalServerError {
		a.Log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", Seconds(p.RetryAfter))
	}
	if p.Code == problem.Unauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	write(w, "application/problem+json", status, problemWire{
		Type:      "about:blank",
		Title:     http.StatusText(status),
		Status:    status,
		Detail:    p.Detail,
		Code:      p.Code,
		Field:     p.Field,
		Revision:  p.Revision,
		UpdatedBy: p.UpdatedBy,
	})
}

func (c call) answer(status int, body any) error {
	write(c.w, "application/json", status, body)
	return nil
}

// write sends body. It ignores errors, which only mean that the client has disconnected.
func write(w http.ResponseWriter, contentType string, status int, body any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// Seconds formats d for a Retry-After header. It rounds up, so that a client that waits that long is never too early.
func Seconds(d time.Duration) string {
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}
