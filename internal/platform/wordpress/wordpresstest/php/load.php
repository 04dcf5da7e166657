<?php
// Loads the WordPress whose files are at SITE_ROOT: Debian's, with a configuration and a content folder of its own.

$_SERVER['HTTP_HOST']   = parse_url( SITE_URL, PHP_URL_HOST ) . ':' . parse_url( SITE_URL, PHP_URL_PORT );
$_SERVER['REQUEST_URI'] = parse_url( SITE_URL, PHP_URL_PATH ) . '/';

define( 'ABSPATH', SITE_ROOT . '/' );

require ABSPATH . 'wp-load.php';
