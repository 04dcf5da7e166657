package smtptest

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var (
	errAuthRequired = &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	errCredentials  = &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "Authentication credentials invalid"}
	errMechanism    = &smtp.SMTPError{Code: 504, EnhancedCode: smtp.EnhancedCode{5, 5, 4}, Message: "Unrecognized authentication type"}
)

// session is the session of one client since its EHLO.
type session struct {
	server *Server
	conn   *smtp.Conn
	user   string
	// draft is the message being received.
	draft Message
}

func (s *Server) newSession(c *smtp.Conn) (smtp.Session, error) {
	return &session{server: s, conn: c}, nil
}

// closing is the reply of a server that is closing (RFC 5321 section 3.8).
var closing = &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "closing down"}

// reach calls the hook of a stage and returns the current faults, or an error if the server is closing.
func (s *Server) reach(stage site.Stage) (Faults, error) {
	s.mu.Lock()
	before := s.faults.Before
	s.mu.Unlock()
	if before != nil {
		before(s.running, stage)
	}
	if s.running.Err() != nil {
		return Faults{}, closing
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults, nil
}

// refuse converts a nil *SMTPError to a nil error.
func refuse(e *smtp.SMTPError) error {
	if e == nil {
		return nil
	}
	return e
}

func (s *Server) wantsLogin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.users) > 0 || s.checkToken != nil
}

// AuthMechanisms implements [smtp.AuthSession].
func (s *session) AuthMechanisms() []string {
	if !s.server.wantsLogin() {
		return nil
	}
	return s.server.mechanisms
}

// Auth implements [smtp.AuthSession].
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	if !slices.Contains(s.AuthMechanisms(), mechanism) {
		return nil, errMechanism
	}
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, user, password string) error { return s.login(user, password) }), nil
	case sasl.Login:
		return &loginServer{check: s.login}, nil
	case xoauth2, sasl.OAuthBearer:
		return NewTokenServer(mechanism, s.loginWithToken), nil
	default:
		return nil, errMechanism
	}
}

func (s *session) login(user, password string) error {
	return s.logIn(user, secret.New(password), func(user string, password secret.Text) error {
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		if known, ok := s.server.users[user]; !ok || !known.Equal(password) {
			return errCredentials
		}
		return nil
	})
}

func (s *session) loginWithToken(user, token string) error {
	return s.logIn(user, secret.New(token), func(user string, token secret.Text) error {
		if s.server.checkToken(user, token) != nil {
			return errCredentials
		}
		return nil
	})
}

// logIn records the attempt, and lets check decide.
func (s *session) logIn(user string, credential secret.Text, check func(string, secret.Text) error) error {
	faults, err := s.server.reach(site.StageAuth)
	s.server.mu.Lock()
	s.server.logins = append(s.server.logins, Login{user, credential})
	s.server.mu.Unlock()
	if err != nil {
		return err
	}
	if faults.AuthErr != nil {
		return faults.AuthErr
	}
	if err := check(user, credential); err != nil {
		return err
	}
	s.user = user
	return nil
}

// Mail implements [smtp.Session].
func (s *session) Mail(from string, opts *smtp.MailOptions) error {
	faults, err := s.server.reach(site.StageMail)
	if err != nil {
		return err
	}
	if s.server.wantsLogin() && s.user == "" {
		return errAuthRequired
	}
	_, encrypted := s.conn.TLSConnectionState()
	s.draft = Message{
		From:     from,
		TLS:      encrypted,
		User:     s.user,
		HELOName: s.conn.Hostname(),
		Size:     opts.Size,
		UTF8:     opts.UTF8,
	}
	return refuse(faults.MailErr)
}

// Rcpt implements [smtp.Session].
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	faults, err := s.server.reach(site.StageRcpt)
	if err != nil {
		return err
	}
	s.draft.To = append(s.draft.To, to)
	return refuse(faults.RcptErr[to])
}

// Data implements [smtp.Session]. Its reply contains a queue ID, as mail servers' replies do.
func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	faults, err := s.server.reach(site.StageData)
	if err != nil {
		return err
	}
	if faults.DataErr != nil {
		return faults.DataErr
	}
	s.draft.Data, s.draft.ReceivedAt = data, time.Now()
	return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 0, 0}, Message: "OK: queued as " + s.server.keep(s.draft)}
}

// keep puts the message into the inbox and returns its queue ID.
func (s *Server) keep(m Message) string {
	s.mu.Lock()
	m.QueueID = fmt.Sprintf("T%06d", len(s.inbox)+1)
	s.inbox = append(s.inbox, m)
	s.mu.Unlock()
	if s.taken != nil {
		s.taken(m)
	}
	return m.QueueID
}

// Reset implements [smtp.Session].
func (s *session) Reset() { s.draft = Message{} }

// Logout implements [smtp.Session].
func (s *session) Logout() error { return nil }

// loginServer implements AUTH LOGIN like Microsoft's servers (draft-murchison-sasl-login); go-sasl has only a client.
type loginServer struct {
	check    func(user, password string) error
	user     string
	haveUser bool
}

// Next implements [sasl.Server].
func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case response == nil:
		return []byte("Username:"), false, nil
	case !l.haveUser:
		l.user, l.haveUser = string(response), true
		return []byte("Password:"), false, nil
	default:
		return nil, true, l.check(l.user, string(response))
	}
}
