#!/bin/sh
# Prints the folder of Node.js 20 or newer: the one on PATH, else one that it installs with npm.
set -eu

version=20.20.2
if [ "$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')" -ge 20 ] 2>/dev/null; then
	dirname "$(command -v node)"
	exit 0
fi
cache=${XDG_CACHE_HOME:-$HOME/.cache}/node-$version
if [ ! -x "$cache/node_modules/node/bin/node" ]; then
	mkdir -p "$cache"
	npm install --silent --no-audit --no-fund --prefix "$cache" "node@$version" >&2
fi
echo "$cache/node_modules/node/bin"
