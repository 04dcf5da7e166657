<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * Shows, tests and clears the mail settings of this site, and creates the token that Terraform logs in with.
 */
final class Cli {
	/**
	 * Shows the mail settings, whether mail is on, the last test and the last mail.
	 */
	public function status(): void {
		$record = Site::read();
		foreach ( array_filter( $record->settings->values() ) as $name => $value ) {
			\WP_CLI::line( "$name: $value" );
		}
		$delivery = Delivery::read();
		\WP_CLI::line( 'enabled: ' . ( $record->enabled ? 'yes' : 'no' ) );
		\WP_CLI::line( 'last test: ' . ( $record->verification['tested_at'] ?? 'none' ) );
		\WP_CLI::line( 'last mail sent: ' . ( $delivery['last_success'] ?? 'none' ) );
		\WP_CLI::line( 'last failure: ' . ( $delivery['last_failure']['at'] ?? 'none' ) );
		$fault = Status::fault();
		if ( null !== $fault ) {
			\WP_CLI::warning( $fault );
		}
	}

	/**
	 * Sends a test message with the saved settings, as all mail of the site is sent.
	 *
	 * ## OPTIONS
	 *
	 * <recipient>
	 * : Address that receives the message.
	 */
	public function test( array $arguments ): void {
		try {
			$test = Tests::put(
				wp_generate_uuid4(),
				array(
					'settings'  => null,
					'password'  => null,
					'adopt'     => false,
					'recipient' => $arguments[0],
				)
			);
		} catch ( Problem $problem ) {
			\WP_CLI::error( $problem->getMessage() );
		}
		$said = null === $test['reply'] ? (string) $test['error'] : implode( ' ', array_filter( $test['reply'] ) );
		'passed' === $test['status'] ? \WP_CLI::success( $said ) : \WP_CLI::error( "{$test['status']} ({$test['stage']}): $said" );
	}

	/**
	 * Deletes the settings and the password. WordPress then sends mail as it would without this plugin.
	 */
	public function clear(): void {
		Site::clear( (string) Site::read()->revision, 'wp-cli' );
		\WP_CLI::success( 'The mail settings were cleared.' );
	}

	/**
	 * Creates and prints the token that Terraform logs in with, or revokes it.
	 *
	 * ## OPTIONS
	 *
	 * <action>
	 * : create, which replaces an existing token, or revoke.
	 *
	 * [--name=<name>]
	 * : Name that the site shows for changes made with this token. Default: terraform.
	 */
	public function token( array $arguments, array $options = array() ): void {
		if ( 'create' === $arguments[0] ) {
			\WP_CLI::line( Token::create( (string) ( $options['name'] ?? 'terraform' ) ) );
		} elseif ( 'revoke' === $arguments[0] ) {
			Token::revoke();
			\WP_CLI::success( 'The token was revoked.' );
		} else {
			\WP_CLI::error( 'The action must be create or revoke.' );
		}
	}
}
