#!/bin/sh
# Loads the plugin, as one file and as a folder, with the versions of PHP that a WordPress runs on, as WebAssembly from npm: on one that
# is too old it stays out of the way, on the newest it starts. Needs Node.js 20 and npm.
set -eu
cd "$(dirname "$0")"

built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
go run ../build -out "$built"

# load VERSION PHP... loads the plugin with those versions of PHP from that version of @php-wasm/node.
load() {
	version=$1
	shift
	cache=${XDG_CACHE_HOME:-$HOME/.cache}/php-wasm-$version
	if [ ! -d "$cache/node_modules/@php-wasm/node" ]; then
		mkdir -p "$cache"
		npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$cache" "@php-wasm/node@$version" >&2
	fi
	cp load.mjs "$cache/load.mjs"
	node "$cache/load.mjs" "$built/site-smtp.php" "$PWD/.." "$@"
}

# The last of the package that has PHP 5.6 and 7.0, the oldest of WordPress 6.1 and 6.3.
load 0.1.56 5.6 7.0 7.3
load 3.1.56 7.4 8.0 8.1 8.5
