// Loads the plugin with several versions of PHP, beside the few functions of WordPress that it calls while it is loaded.
// usage: node load.mjs SINGLE-FILE FOLDER-OF-SOURCES
import { readFileSync, readdirSync } from 'node:fs';
import { loadNodeRuntime } from '@php-wasm/node';
import { PHP } from '@php-wasm/universal';

const [single, folder] = process.argv.slice(2);
const staysOut = ['7.4', '8.0'];
const starts = ['8.1', '8.5'];

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

let failed = false;
for (const version of [...staysOut, ...starts]) {
	const php = new PHP(await loadNodeRuntime(version, { emscriptenOptions: { processId: 1 } }));
	php.mkdir('/plugin/src');
	php.writeFile('/single.php', readFileSync(single));
	php.writeFile('/plugin/site-smtp.php', readFileSync(`${folder}/site-smtp.php`));
	for (const name of readdirSync(`${folder}/src`)) {
		php.writeFile(`/plugin/src/${name}`, readFileSync(`${folder}/src/${name}`));
	}
	for (const file of ['/single.php', '/plugin/site-smtp.php']) {
		php.writeFile('/load.php', load(file));
		let said;
		try {
			const { exitCode, text, errors } = await php.run({ scriptPath: '/load.php' });
			said = `${exitCode === 0 ? '' : `exit ${exitCode} `}${text}${errors}`;
		} catch (error) {
			said = String(error);
		}
		const right = staysOut.includes(version)
			? said.includes('it needs PHP 8.1') && said.endsWith('\nadmin_notices')
			: said.includes('rest_api_init') && said.includes('pre_wp_mail');
		const ok = right && !said.includes('COMPLAINT') && !said.startsWith('exit');
		failed ||= !ok;
		console.log(`${ok ? 'ok  ' : 'FAIL'} PHP ${version} ${file}${ok ? '' : `: ${said}`}`);
	}
	php.exit();
}
process.exit(failed ? 1 : 0);
