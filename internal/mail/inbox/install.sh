#!/bin/sh
# Installs the genuine mail receiver of the tests with the build tag receiver: Postfix, OpenDKIM, OpenDMARC and Dovecot. The tests
# start them on files and ports of their own; nothing is left running by the installation.
set -eu

for program in postfix opendkim opendmarc dovecot sievec; do
	command -v "$program" >/dev/null || missing=1
done
[ -n "${missing-}" ] || exit 0
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo

# Packages start their services unless a policy forbids it (Debian Policy 9.3.3.1).
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
	$sudo chmod +x "$policy"
	trap '$sudo rm -f "$policy"' EXIT
fi
$sudo apt-get update
echo 'postfix postfix/main_mailer_type select No configuration' | $sudo debconf-set-selections
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
	postfix opendkim opendmarc dovecot-imapd dovecot-lmtpd dovecot-sieve
