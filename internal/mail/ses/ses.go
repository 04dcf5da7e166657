// Package ses derives the SMTP password of Amazon SES from an IAM user's secret access key.
package ses

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// version is the version of the algorithm and the first byte of the password.
const version = 0x04

// Password returns the SMTP password, of 44 characters, that belongs to a secret access key in a region such as "eu-west-1".
// The SMTP username is the ID of the access key. AWS documents the algorithm:
// https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html.
func Password(secretAccessKey secret.Text, region string) secret.Text {
	// A version 4 signature of a fixed message on a fixed day.
	signature := []byte("AWS4" + secretAccessKey.Reveal())
	for _, part := range []string{"11111111", region, "ses", "aws4_request", "SendRawEmail"} {
		mac := hmac.New(sha256.New, signature)
		mac.Write([]byte(part))
		signature = mac.Sum(nil)
	}
	return secret.New(base64.StdEncoding.EncodeToString(append([]byte{version}, signature...)))
}
