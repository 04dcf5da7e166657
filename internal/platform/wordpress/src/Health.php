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
			'label' => 'Keys of the stored mail password',
			'test'  => array( self::class, 'keys' ),
		);
		$tests['direct']['site_smtp_mail'] = array(
			'label' => 'Outgoing mail',
			'test'  => array( self::class, 'mail' ),
		);
		return $tests;
	}

	/** Whether the keys would protect the mail password in a copy of the database. */
	public static function keys(): array {
		if ( Keys::are_in_database() ) {
			$text = 'The keys that protect the mail password are in the database, beside it. Set AUTH_KEY and AUTH_SALT, or SITE_SMTP_KEY, in wp-config.php. '
				. 'Until then no new mail password is stored.';
			return self::result( 'site_smtp_keys', 'critical', 'The stored mail password is not protected', $text );
		}
		return self::result( 'site_smtp_keys', 'good', 'The stored mail password is protected', 'The keys that protect it are in wp-config.php.' );
	}

	/** Whether the site's mail leaves, as far as is known. */
	public static function mail(): array {
		$fault = Status::fault();
		if ( null !== $fault ) {
			return self::result( 'site_smtp_mail', 'critical', 'This site does not send its mail', $fault );
		}
		if ( ! Status::is_managed() ) {
			return self::result( 'site_smtp_mail', 'good', 'Outgoing mail is not managed', 'Site SMTP manages no mail settings; WordPress sends mail as it does without it.' );
		}
		return self::result( 'site_smtp_mail', 'good', 'This site sends its mail', 'Mail takes the settings that passed a test, and no later mail has failed.' );
	}

	private static function result( string $test, string $status, string $label, string $text ): array {
		return array(
			'label'       => $label,
			'status'      => $status,
			'badge'       => array(
				'label' => 'Mail',
				'color' => 'blue',
			),
			'description' => '<p>' . esc_html( $text ) . '</p>',
			'actions'     => '',
			'test'        => $test,
		);
	}
}
