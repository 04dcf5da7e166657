<?php
/**
 * Plugin Name: Stores settings as Easy WP SMTP 2 does
 */

define( 'EasyWPSMTP_PLUGIN_VERSION', '2.13.1' );

function their_rows( $s ) {
	$key   = random_bytes( 32 );
	$nonce = random_bytes( 24 );
	update_option( 'easy_wp_smtp_mail_key', base64_encode( $key ) );
	update_option(
		'easy_wp_smtp',
		array(
			'mail' => array( 'from_email' => $s['from_address'], 'from_name' => $s['from_name'], 'mailer' => 'smtp', 'reply_to_email' => 'replies@example.com' ),
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
