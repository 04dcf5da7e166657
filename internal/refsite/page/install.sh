#!/bin/sh
# Installs what the browser tests of the admin page need: Debian's Chromium, and axe-core, which finds accessibility problems. Prints
# the path of axe-core; nothing else goes to standard output.
set -eu

axe=4.10.3
cache=${XDG_CACHE_HOME:-$HOME/.cache}/axe-core-$axe

packages=
command -v chromium >/dev/null || packages=chromium
command -v npm >/dev/null || packages="$packages npm"
if [ -n "$packages" ]; then
	run=
	[ "$(id -u)" = 0 ] || run=sudo
	$run env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2
	# shellcheck disable=SC2086 # a list of words
	$run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >&2
fi
if [ ! -f "$cache/node_modules/axe-core/axe.min.js" ]; then
	mkdir -p "$cache"
	npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$cache" "axe-core@$axe" >&2
fi
echo "$cache/node_modules/axe-core/axe.min.js"
