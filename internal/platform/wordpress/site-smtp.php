<?php
/**
 * Plugin Name: Site SMTP
 * Plugin URI: https://github.com/sitemail/terraform-provider-smtp/tree/main/internal/platform/wordpress
 * Description: Lets Terraform manage the outgoing mail of this site through the REST API. Mail is enabled only with settings that passed a test.
 * Version: 0.2.0
 * Author: sitemail
 * Requires at least: 6.1
 * Requires PHP: 8.1
 * License: MPL-2.0
 * License URI: https://www.mozilla.org/MPL/2.0/
 * Text Domain: site-smtp
 * Domain Path: /languages
 * Update URI: false
 *
 * Implements the site admin contract (openapi.yaml of terraform-provider-smtp) below /wp-json/site-smtp/v1. This file is in the
 * syntax of PHP 5.6, and what it loads only where it can run: a must-use plugin that cannot be read takes a site down.
 */

defined( 'ABSPATH' ) || exit;

if ( defined( 'SITE_SMTP_VERSION' ) || class_exists( 'SiteSMTP\Api', false ) ) {
	// The site has it as a must-use file and as a plugin. One is enough.
	return;
}
if ( PHP_VERSION_ID < 80100 || ! function_exists( 'stream_socket_enable_crypto' ) || ! extension_loaded( 'openssl' ) ) {
	add_action(
		'admin_notices',
		function () {
			if ( current_user_can( 'manage_options' ) ) {
				/* translators: %s: a version of PHP */
				$text = sprintf( __( 'Site SMTP is inactive: it needs PHP 8.1 or later with openssl, and this site runs PHP %s.', 'site-smtp' ), PHP_VERSION );
				echo '<div class="notice notice-error"><p>', esc_html( $text ), '</p></div>';
			}
		}
	);
	return;
}
define( 'SITE_SMTP_VERSION', '0.2.0' );

// Classes: begin.
spl_autoload_register(
	function ( $name ) {
		$file = __DIR__ . '/src/' . substr( $name, 9 ) . '.php';
		if ( 0 === strpos( $name, 'SiteSMTP\\' ) && is_readable( $file ) ) {
			require $file;
		}
	}
);
// Classes: end.

SiteSMTP\Plugin::start();
if ( SiteSMTP\Mail::is_ours() ) {
	/**
	 * Sends mail, as WordPress' own function does.
	 *
	 * @param string|string[] $to          Addresses.
	 * @param string          $subject     Subject.
	 * @param string          $message     Body.
	 * @param string|string[] $headers     Further headers.
	 * @param string|string[] $attachments Paths of files, by name where they are to have another one.
	 * @param string|string[] $embeds      Paths of images, by Content-ID.
	 * @return bool Whether the mail server accepted it.
	 */
	function wp_mail( $to, $subject, $message, $headers = '', $attachments = array(), $embeds = array() ) {
		return SiteSMTP\Mail::send( compact( 'to', 'subject', 'message', 'headers', 'attachments', 'embeds' ) );
	}
}
register_activation_hook(
	__FILE__,
	function () {
		SiteSMTP\Plugin::activate( __FILE__ );
	}
);
register_deactivation_hook(
	__FILE__,
	function () {
		SiteSMTP\Plugin::deactivate();
	}
);
