<?php
/**
 * Plugin Name: Stores settings as FluentSMTP 2 does
 */

define( 'FLUENTMAIL_PLUGIN_FILE', __FILE__ );
define( 'FLUENTMAIL_PLUGIN_VERSION', '2.3.1' );

function their_rows( $s ) {
	$iv     = random_bytes( 16 );
	$sealed = base64_encode( $iv . openssl_encrypt( $s['password'] . LOGGED_IN_SALT, 'aes-256-ctr', LOGGED_IN_KEY, 0, $iv ) );
	$id     = md5( $s['from_address'] );
	update_option(
		'fluentmail-settings',
		array(
			'connections' => array(
				$id => array(
					'title'             => 'SMTP server',
					'provider_settings' => array(
						'provider'         => 'smtp',
						'sender_name'      => esc_html( $s['from_name'] ),
						'sender_email'     => $s['from_address'],
						'force_from_email' => 'yes',
						'host'             => $s['host'],
						'port'             => (string) $s['port'],
						'auth'             => 'yes',
						'username'         => $s['username'],
						'password'         => $sealed,
						'auto_tls'         => 'yes',
						'encryption'       => $s['secure'],
						'key_store'        => 'db',
					),
				),
			),
			'mappings'    => array( $s['from_address'] => $id ),
			'misc'        => array( 'default_connection' => $id ),
			'use_encrypt' => 'yes',
		)
	);
}
