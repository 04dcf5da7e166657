<?php
// Serves every WordPress of the folder sites below its name, as a web server with pretty permalinks does.

preg_match( '#^/([a-z0-9]+)(?:/(.*))?$#', (string) parse_url( $_SERVER['REQUEST_URI'], PHP_URL_PATH ), $parts );
$name = $parts[1] ?? '';
if ( ! is_dir( __DIR__ . "/sites/$name" ) || '' === $name ) {
	http_response_code( 404 );
	return;
}
$script = 'wp-login.php' === ( $parts[2] ?? '' ) ? 'wp-login.php' : 'index.php';

$_SERVER['SCRIPT_NAME']     = "/$name/$script";
$_SERVER['PHP_SELF']        = "/$name/$script";
$_SERVER['SCRIPT_FILENAME'] = __DIR__ . "/sites/$name/$script";
unset( $_SERVER['PATH_INFO'] );

define( 'ABSPATH', __DIR__ . "/sites/$name/" );
require ABSPATH . $script;
