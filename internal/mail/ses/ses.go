// Package ses derives the password that the SMTP servers of Amazon SES take from an IAM user's secret access key.
package ses

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// version is that of the algorithm, and the first byte of what it makes.
const version = 0x04

// Password returns the 44 characters that the SMTP server of a region, such as "eu-west-1", takes as the password of the
// user whose secret access key this is. The user's name there is the id of the key. The algorithm is AWS's own:
// https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html.
func Password(secretAccessKey secret.Text, region string) secret.Text {
	// A signature of version 4, over a message and of a day that never change.
	signature := []byte("AWS4" + secretAccessKey.Reveal())
	for _, part := range []string{"11111111", region, "ses", "aws4_request", "SendRawEmail"} {
		mac := hmac.New(sha256.New, signature)
		mac.Write([]byte(part))
		signature = mac.Sum(nil)
	}
	return secret.New(base64.StdEncoding.EncodeToString(append([]byte{version}, signature...)))
}
