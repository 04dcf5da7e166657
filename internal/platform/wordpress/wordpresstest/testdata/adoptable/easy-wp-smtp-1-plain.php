<?php
/**
 * Plugin Name: Stores settings as Easy WP SMTP 1 does by default
 */

define( 'EasyWPSMTP_PLUGIN_VERSION', '1.4.6' );

function their_rows( $s ) {
	delete_option( 'swpsmtp_pass_encrypted' );
	update_option(
		'swpsmtp_options',
		array(
			'from_email_field' => $s['from_address'],
			'from_name_field'  => $s['from_name'],
			'reply_to_email'   => 'replies@example.com',
			'smtp_settings'    => array(
				'host'            => $s['host'],
				'type_encryption' => $s['secure'],
				'port'            => (string) $s['port'],
				'autentication'   => 'yes',
				'username'        => $s['username'],
				'password'        => base64_encode( addslashes( $s['password'] ) ),
			),
		)
	);
}
