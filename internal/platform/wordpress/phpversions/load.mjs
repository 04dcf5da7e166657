// Loads the plugin with several versions of PHP, beside the few functions of WordPress that it calls while it is loaded.
// usage: node load.mjs SINGLE-FILE FOLDER-OF-SOURCES PHP-VERSION...
import { readFileSync, readdirSync } from 'node:fs';
import * as node from '@php-wasm/node';
import * as universal from '@php-wasm/universal';

const [single, folder, ...versions] = process.argv.slice(2);
const isTooOld = (version) => parseFloat(version) < 8.1;

// PHP 5.6 says this of declare( strict_types = 1 ), and goes on.
const known = /(<br \/>\n<b>|PHP )Warning(<\/b>)?: +Unsupported declare 'strict_types' in .*\n/g;

const wordpress = `<?php
error_reporting( E_ALL );
set_error_handler( function ( $level, $text ) { echo "COMPLAINT: $text\\n"; return true; } );
define( 'ABSPATH', '/' );
define( 'WPINC', 'wp-includes' );
$hooks = array();
function add_action( $name, $callback ) { $GLOBALS['hooks'][ $name ][] = $callback; }
function add_filter( $name, $callback ) { add_action( $name, $callback ); }
function register_activation_hook( $file, $callback ) {}
function register_deactivation_hook( $file, $callback ) {}
function wp_normalize_path( $path ) { return $path; }
function wp_installing() { return true; }
function current_user_can( $capability ) { return true; }
function esc_html( $text ) { return $text; }
function __( $text, $domain ) { return $text; }
`;

const load = (file) => `${wordpress}
include '${file}';
include '${file}';
if ( ! defined( 'SITE_SMTP_VERSION' ) ) {
	foreach ( $hooks['admin_notices'] as $notice ) { $notice(); }
}
echo "\\n", implode( ' ', array_keys( $hooks ) );`;

// The package changed how PHP is started.
const start = async (version) =>
	node.NodePHP ? node.NodePHP.load(version) : new universal.PHP(await node.loadNodeRuntime(version, { emscriptenOptions: { processId: 1 } }));

let failed = false;
for (const version of versions) {
	const php = await start(version);
	php.mkdir('/plugin/src');
	php.writeFile('/single.php', readFileSync(single));
	php.writeFile('/plugin/site-smtp.php', readFileSync(`${folder}/site-smtp.php`));
	for (const name of readdirSync(`${folder}/src`)) {
		php.writeFile(`/plugin/src/${name}`, readFileSync(`${folder}/src/${name}`));
	}
	for (const file of ['/single.php', '/plugin/site-smtp.php']) {
		let said;
		try {
			const { exitCode, text, errors } = await php.run({ code: load(file) });
			said = `${exitCode === 0 ? '' : `exit ${exitCode} `}${text}${errors}`.replaceAll(known, '');
		} catch (error) {
			said = String(error);
		}
		const right = isTooOld(version)
			? said.includes('it needs PHP 8.1') && said.endsWith('\nadmin_notices')
			: said.includes('rest_api_init') && said.includes('pre_wp_mail');
		const ok = right && !said.includes('COMPLAINT') && !said.startsWith('exit');
		failed ||= !ok;
		console.log(`${ok ? 'ok  ' : 'FAIL'} PHP ${version} ${file}${ok ? '' : `: ${said}`}`);
	}
	php.exit?.();
}
process.exit(failed ? 1 : 0);
