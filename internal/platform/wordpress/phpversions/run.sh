#!/bin/sh
# Loads the plugin, as one file and as a folder, with the oldest PHP that WordPress allows and with the newest, as WebAssembly from
# npm: on one that is too old it stays out of the way, on the newest it starts. Needs Node.js 20 and npm.
set -eu
cd "$(dirname "$0")"

version=3.1.56
cache=${XDG_CACHE_HOME:-$HOME/.cache}/php-wasm-$version
if [ ! -d "$cache/node_modules/@php-wasm/node" ]; then
	mkdir -p "$cache"
	npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$cache" "@php-wasm/node@$version" >&2
fi

built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
go run ../build -out "$built"
cp load.mjs "$cache/load.mjs"
node "$cache/load.mjs" "$built/site-smtp.php" "$PWD/.."
