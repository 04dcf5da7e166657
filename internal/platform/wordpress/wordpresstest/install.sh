#!/bin/sh
# Installs what the tests of the WordPress plugin run on: Debian's WordPress, PHP and MariaDB. Nothing is started here,
# and nothing that is installed needs to be: the tests run their own processes on files of their own.
#
# micro-httpd and php-cgi satisfy what the packages wordpress and php want of a web server, so that apache2 stays out.
set -eu

packages='wordpress php php-cgi php-cli php-mysql mariadb-server-core mariadb-client micro-httpd netcat-traditional'

missing=
for package in $packages; do
	dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

apt_get() {
	if [ "$(id -u)" = 0 ]; then
		DEBIAN_FRONTEND=noninteractive apt-get "$@"
	else
		sudo DEBIAN_FRONTEND=noninteractive apt-get "$@"
	fi
}
apt_get update -qq
# shellcheck disable=SC2086 # a list of words
apt_get install -y -qq --no-install-recommends $packages
