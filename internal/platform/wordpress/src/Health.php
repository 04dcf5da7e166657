<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** The tests under Tools → Site Health. */
final class Health {
	public static function register(): void {
		add_filter( 'site_status_tests', array( self::class, 'tests' ) );
	}

	public static function tests( array $tests ): array {
		$tests['direct']['site_smtp_keys'] = array(
			'label' => __( 'Encryption keys of the mail password', 'site-smtp' ),
			'test'  => array( self::class, 'keys' ),
		);
		$tests['direct']['site_smtp_mail'] = array(
			'label' => __( 'Outgoing mail', 'site-smtp' ),
			'test'  => array( self::class, 'mail' ),
		);
		return $tests;
	}

	/** Whether the mail password is safe in a copy of the database. */
	public static function keys(): array {
		if ( ! Keys::are_in_database() ) {
			$label = __( 'The stored mail password is protected', 'site-smtp' );
			return self::result( 'site_smtp_keys', 'good', $label, __( 'The keys that encrypt it are in wp-config.php.', 'site-smtp' ) );
		}
		$label = __( 'The stored mail password is not protected', 'site-smtp' );
		$where = __( 'The keys that encrypt the mail password are in the same database. Set AUTH_KEY and AUTH_SALT, or SITE_SMTP_KEY, in wp-config.php.', 'site-smtp' );
		return self::result( 'site_smtp_keys', 'critical', $label, $where . ' ' . __( 'Until then, no new mail password is accepted.', 'site-smtp' ) );
	}

	/** Whether the site is sending its mail, as far as is known. */
	public static function mail(): array {
		$fault = Status::fault();
		if ( null !== $fault ) {
			return self::result( 'site_smtp_mail', 'critical', __( 'This site is not sending mail', 'site-smtp' ), $fault );
		}
		if ( ! Status::is_managed() ) {
			$text = __( 'Site SMTP manages no mail settings. WordPress sends mail as it would without the plugin.', 'site-smtp' );
			return self::result( 'site_smtp_mail', 'good', __( 'Outgoing mail is not managed', 'site-smtp' ), $text );
		}
		$text = __( 'Mail is sent with settings that passed a test, and the last mail did not fail.', 'site-smtp' );
		return self::result( 'site_smtp_mail', 'good', __( 'This site is sending mail', 'site-smtp' ), $text );
	}

	private static function result( string $test, string $status, string $label, string $text ): array {
		return array(
			'label'       => $label,
			'status'      => $status,
			'badge'       => array(
				'label' => __( 'Mail', 'site-smtp' ),
				'color' => 'blue',
			),
			'description' => '<p>' . esc_html( $text ) . '</p>',
			'actions'     => '',
			'test'        => $test,
		);
	}
}
