<?php
/**
 * Plugin Name: Stores settings as Post SMTP 3 does
 */

define( 'POST_SMTP_VER', '3.9.5' );

function their_rows( $s ) {
	update_option(
		'postman_options',
		array(
			'transport_type'        => 'smtp',
			'auth_type'             => 'login',
			'enc_type'              => $s['secure'],
			'hostname'              => $s['host'],
			'port'                  => (string) $s['port'],
			'basic_auth_username'   => $s['username'],
			'basic_auth_password'   => base64_encode( $s['password'] ),
			'sender_email'          => $s['from_address'],
			'sender_name'           => $s['from_name'],
			'envelope_sender'       => $s['from_address'],
			'reply_to'              => 'replies@example.com',
			'run_mode'              => 'production',
			'fallback_smtp_enabled' => 'no',
		)
	);
}
