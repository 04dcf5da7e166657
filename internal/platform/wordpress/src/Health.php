<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** What the site says of itself under Tools, Site Health. */
final class Health {
	public static function register(): void {
		add_filter( 'site_status_tests', array( self::class, 'tests' ) );
	}

	public static function tests( array $tests ): array {
		$tests['direct']['site_smtp_keys'] = array(
			'label' => __( 'Keys of the stored mail password', 'site-smtp' ),
			'test'  => array( self::class, 'keys' ),
		);
		$tests['direct']['site_smtp_mail'] = array(
			'label' => __( 'Outgoing mail', 'site-smtp' ),
			'test'  => array( self::class, 'mail' ),
		);
		return $tests;
	}

	/** Whether the keys would protect the mail password in a copy of the database. */
	public static function keys(): array {
		if ( ! Keys::are_in_database() ) {
			$label = __( 'The stored mail password is protected', 'site-smtp' );
			return self::result( 'site_smtp_keys', 'good', $label, __( 'The keys that protect it are in wp-config.php.', 'site-smtp' ) );
		}
		$label = __( 'The stored mail password is not protected', 'site-smtp' );
		$where = __( 'The keys that protect the mail password are in the database, beside it. Set AUTH_KEY and AUTH_SALT, or SITE_SMTP_KEY, in wp-config.php.', 'site-smtp' );
		return self::result( 'site_smtp_keys', 'critical', $label, $where . ' ' . __( 'Until then no new mail password is stored.', 'site-smtp' ) );
	}

	/** Whether the site's mail leaves, as far as is known. */
	public static function mail(): array {
		$fault = Status::fault();
		if ( null !== $fault ) {
			return self::result( 'site_smtp_mail', 'critical', __( 'This site does not send its mail', 'site-smtp' ), $fault );
		}
		if ( ! Status::is_managed() ) {
			$text = __( 'Site SMTP manages no mail settings; WordPress sends mail as it does without it.', 'site-smtp' );
			return self::result( 'site_smtp_mail', 'good', __( 'Outgoing mail is not managed', 'site-smtp' ), $text );
		}
		$text = __( 'Mail takes the settings that passed a test, and no later mail has failed.', 'site-smtp' );
		return self::result( 'site_smtp_mail', 'good', __( 'This site sends its mail', 'site-smtp' ), $text );
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
