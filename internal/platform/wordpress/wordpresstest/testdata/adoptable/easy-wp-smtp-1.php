<?php
/**
 * Plugin Name: Stores settings as Easy WP SMTP 1 does, with its password encrypted
 */

define( 'EasyWPSMTP_PLUGIN_VERSION', '1.5.2' );

function their_rows( $s ) {
	update_option( 'swpsmtp_enc_key', wp_salt() );
	update_option( 'swpsmtp_pass_encrypted', true );
	$iv = random_bytes( 16 );
	update_option(
		'swpsmtp_options',
		array(
			'from_email_field' => $s['from_address'],
			'from_name_field'  => $s['from_name'],
			'reply_to_email'   => 'replies@example.com',
			'smtp_settings'    => array(
				'host'            => $s['host'],
				'type_encryption' => $s['secure'],
				'port'            => $s['port'],
				'autentication'   => 'yes',
				'username'        => $s['username'],
				'encrypt_pass'    => 1,
				'password'        => base64_encode( $iv . openssl_encrypt( $s['password'], 'aes-256-ctr', hash( 'sha256', wp_salt(), true ), OPENSSL_RAW_DATA, $iv ) ),
			),
		)
	);
}
