#!/bin/sh
# Installs what TestGenuineDovecot runs, which starts it on files of its own: Dovecot with IMAP and LMTP.
set -eu

command -v dovecot >/dev/null && exit 0
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
$sudo apt-get update
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends dovecot-imapd dovecot-lmtpd
