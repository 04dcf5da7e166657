package adminapi

import "github.com/sitemail/terraform-provider-smtp/internal/secret"

// Account is what a user names to log in with: a token, or a username and a password, or nothing. Each platform makes
// its [Credentials] of it.
type Account struct {
	Token    secret.Text
	Username string
	Password secret.Text
}

// Credentials supply the Authorization header of each request.
type Credentials interface {
	// secrets lists the values that no error text may repeat.
	secrets() []secret.Text
}
