#!/bin/sh
# Runs the conformance suite against a live site of a product. (For a site that implements the site admin contract, use
# "go run ./internal/platform/siteadmin/conformance".) THE SITE'S MAIL SETTINGS ARE OVERWRITTEN AND CLEARED repeatedly. Messages are
# sent only to the mail server that the suite starts.
#
#   SMTP_TEST_SITE_PLATFORM   wordpress, pocketbase or listmonk
#   SMTP_TEST_SITE_URL        as the provider's url
#   SMTP_TEST_SITE_TOKEN      as the provider's token, or
#   SMTP_TEST_SITE_USERNAME   and
#   SMTP_TEST_SITE_PASSWORD   as the provider's username and password
#
# The suite's mail server uses no TLS, so that the site need not trust it. If the site does not run on this machine, or requires
# encryption:
#
#   SMTP_TEST_SITE_MAIL_ADDRESS      address that the mail server listens on; default: a free port of 127.0.0.1
#   SMTP_TEST_SITE_MAIL_HOST         its host as seen by the site
#   SMTP_TEST_SITE_MAIL_PORT         its port as seen by the site
#   SMTP_TEST_SITE_MAIL_ENCRYPTION   encryption setting of the site; default: "none". A PocketBase on this machine needs "starttls",
#                                    but logs in without encryption
#
# On listmonk, a second SMTP server, second.example.com, is added and stays there, because the last one cannot be disabled.
set -eu
cd "$(dirname "$0")/../.."
: "${SMTP_TEST_SITE_PLATFORM:?}" "${SMTP_TEST_SITE_URL:?}"
exec go test -tags live -count=1 -timeout=30m -v -run '^TestLive$' ./internal/platform
