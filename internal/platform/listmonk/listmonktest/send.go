package listmonktest

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/mail"
	"net/smtp"
	"slices"
	"strings"
)

// server is one SMTP server in a test request.
type server struct {
	Host         string              `json:"host"`
	Port         int                 `json:"port"`
	HELO         string              `json:"hello_hostname"`
	AuthProtocol string              `json:"auth_protocol"`
	Username     string              `json:"username"`
	Password     string              `json:"password"`
	TLSType      string              `json:"tls_type"`
	SkipVerify   bool                `json:"tls_skip_verify"`
	Headers      []map[string]string `json:"email_headers"`
	Email        string              `json:"email"`
}

// test sends a message from the saved address, unless a header sets a different one.
func (s *Server) test(w http.ResponseWriter, r *http.Request) {
	var to server
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &to)
	}
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, err.Error())
		return
	case to.Email == "":
		refuse(w, http.StatusBadRequest, "Missing field(s): email")
		return
	}
	auth, err := to.auth()
	if err != nil {
		refuse(w, http.StatusBadRequest, "Error creating SMTP: "+err.Error())
		return
	}
	if err := s.send(to, auth); err != nil && !s.loses(err) {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	answer(w, http.StatusOK, map[string]any{"data": []string{"2026/11/23 07:45:50.712762 main.go:106:"}})
}

// loses reports whether this version reports success despite err: 5.0.0 to 5.0.2 do so if the mail server cannot be reached.
func (s *Server) loses(err error) bool {
	var unreachable *net.OpError
	return slices.Contains([]string{"v5.0.0", "v5.0.1", "v5.0.2"}, s.config.Version) && errors.As(err, &unreachable)
}

func (to server) auth() (smtp.Auth, error) {
	switch to.AuthProtocol {
	case "plain":
		return smtp.PlainAuth("", to.Username, to.Password, to.Host), nil
	case "login":
		return loginAuth{to.Username, to.Password}, nil
	case "", "none":
		return nil, nil
	default:
		return nil, fmt.Errorf("unknown SMTP auth type '%s'", to.AuthProtocol)
	}
}

func (s *Server) send(to server, auth smtp.Auth) error {
	client, err := s.dial(to)
	if err != nil {
		return err
	}
	defer client.Close()
	if auth != nil {
		if ok, _ := client.Extension("AUTH"); !ok {
			return errors.New("SMTP AUTH extension not found")
		}
		if err := client.Auth(auth); err != nil {
			return err
		}
	}
	sender := text(s.Settings()["app.from_email"])
	headers := map[string]string{"From": sender, "To": to.Email, "Subject": "Test connection"}
	for _, more := range to.Headers {
		maps.Copy(headers, more)
	}
	if returnPath, ok := headers["Return-Path"]; ok {
		sender = returnPath
		delete(headers, "Return-Path")
	}
	return deliver(client, sender, to.Email, headers)
}

func (s *Server) dial(to server) (*smtp.Client, error) {
	address := fmt.Sprintf("%s:%d", to.Host, to.Port)
	config := &tls.Config{ServerName: to.Host, RootCAs: s.config.RootCAs, InsecureSkipVerify: to.SkipVerify}
	if to.TLSType == "TLS" {
		conn, err := tls.Dial("tcp", address, config)
		if err != nil {
			return nil, err
		}
		return smtp.NewClient(conn, to.Host)
	}
	client, err := smtp.Dial(address)
	if err != nil {
		return nil, err
	}
	if to.HELO != "" {
		err = client.Hello(to.HELO)
	}
	if err == nil && to.TLSType == "STARTTLS" {
		if ok, _ := client.Extension("STARTTLS"); !ok {
			err = errors.New("SMTP STARTTLS extension not found")
		} else {
			err = client.StartTLS(config)
		}
	}
	if err != nil {
		_ = client.Close()
		return nil, err
	}
	return client, nil
}

func deliver(client *smtp.Client, sender, recipient string, headers map[string]string) error {
	from, err := mail.ParseAddress(sender)
	if err != nil {
		return err
	}
	to, err := mail.ParseAddress(recipient)
	if err != nil {
		return err
	}
	if err := client.Mail(from.Address); err != nil {
		return err
	}
	if err := client.Rcpt(to.Address); err != nil {
		return err
	}
	data, err := client.Data()
	if err != nil {
		return err
	}
	var message strings.Builder
	for name, value := range headers {
		fmt.Fprintf(&message, "%s: %s\r\n", name, value)
	}
	message.WriteString("\r\nTest connection\r\n")
	if _, err := io.WriteString(data, message.String()); err != nil {
		return err
	}
	return data.Close()
}

// loginAuth is AUTH LOGIN, which net/smtp does not have.
type loginAuth struct{ username, password string }

// Start implements [smtp.Auth].
func (loginAuth) Start(*smtp.ServerInfo) (string, []byte, error) { return "LOGIN", []byte{}, nil }

// Next implements [smtp.Auth].
func (a loginAuth) Next(challenge []byte, more bool) ([]byte, error) {
	switch {
	case !more:
		return nil, nil
	case string(challenge) == "Username:":
		return []byte(a.username), nil
	case string(challenge) == "Password:":
		return []byte(a.password), nil
	default:
		return nil, errors.New("unknown challenge")
	}
}
