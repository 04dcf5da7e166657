#!/bin/sh
# Runs the conformance suite over a live site of a product. (A site that speaks the site admin contract itself is checked by
# "go run ./internal/platform/siteadmin/conformance".) THE SITE'S MAIL SETTINGS ARE
# OVERWRITTEN AND CLEARED, again and again; no message leaves for anywhere but the submission server that the suite starts.
#
#   SMTP_TEST_SITE_PLATFORM   wordpress, pocketbase or listmonk
#   SMTP_TEST_SITE_URL        as url of the provider
#   SMTP_TEST_SITE_TOKEN      as token of the provider, or
#   SMTP_TEST_SITE_USERNAME   and
#   SMTP_TEST_SITE_PASSWORD   as username and password of the provider
#
# The suite's own submission server speaks no TLS, so that the site need not trust it. Where the site does not run on this
# machine, or wants an encryption:
#
#   SMTP_TEST_SITE_MAIL_ADDRESS      where it listens; by default a free port of 127.0.0.1
#   SMTP_TEST_SITE_MAIL_HOST         what the site is told as its host and
#   SMTP_TEST_SITE_MAIL_PORT         port
#   SMTP_TEST_SITE_MAIL_ENCRYPTION   and as the encryption; "none" by default. A PocketBase on this machine wants "starttls",
#                                    and logs in without all the same
#
# A listmonk gets a second SMTP server, second.example.com, which stays there: its last one cannot be switched off.
set -eu
cd "$(dirname "$0")/../.."
: "${SMTP_TEST_SITE_PLATFORM:?}" "${SMTP_TEST_SITE_URL:?}"
exec go test -tags live -count=1 -timeout=30m -v -run '^TestLive$' ./internal/platform
