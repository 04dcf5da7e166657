#!/bin/sh
# Checks how the plugin's PHP is written, with Debian's PHP_CodeSniffer and the rules of phpcs.xml beside this file.
set -eu
cd "$(dirname "$0")"

if ! command -v phpcs >/dev/null; then
	run=
	[ "$(id -u)" = 0 ] || run=sudo
	$run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends php-codesniffer
fi
phpcs -q --standard=phpcs.xml
