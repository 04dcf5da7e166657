<?php
/**
 * Plugin Name: Stores settings as WP Mail SMTP 4 does
 */

define( 'WPMS_PLUGIN_VER', '4.8.0' );

function their_rows( $s ) {
	$key   = random_bytes( 32 );
	$nonce = random_bytes( 24 );
	update_option( 'wp_mail_smtp_mail_key', base64_encode( $key ) );
	update_option(
		'wp_mail_smtp',
		array(
			'mail' => array( 'from_email' => $s['from_address'], 'from_name' => $s['from_name'], 'mailer' => 'smtp', 'return_path' => true, 'from_email_force' => true ),
			'smtp' => array(
				'autotls'    => true,
				'auth'       => true,
				'host'       => $s['host'],
				'encryption' => $s['secure'],
				'port'       => $s['port'],
				'user'       => $s['username'],
				'pass'       => base64_encode( $nonce . sodium_crypto_secretbox( addslashes( $s['password'] ), $nonce, $key ) ),
			),
		)
	);
}
