<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * Where a site runs. A copy of its database for staging would otherwise send mail to the site's customers: settings are in force only
 * where they were saved.
 */
final class Place {
	/** @return array{host: string, environment: string} of this site now. */
	public static function here(): array {
		return array(
			'host'        => self::host(),
			'environment' => wp_get_environment_type(),
		);
	}

	/**
	 * Why mail is off for settings of that place, in a sentence; null where it is this one.
	 *
	 * @param array{host: string, environment: string} $place
	 */
	public static function fault( array $place ): ?string {
		$here = self::here();
		// Where WP_HOME is made of the request, a command has none.
		$moved = '' !== $here['host'] && '' !== $place['host'] && $here['host'] !== $place['host'] && ! in_array( $here['host'], self::hosts(), true );
		if ( ! $moved && $here['environment'] === $place['environment'] ) {
			return null;
		}
		return "These mail settings were saved on {$place['host']} ({$place['environment']}), but this is {$here['host']} ({$here['environment']}): "
			. 'a copy of the site, or the site has moved. Mail stays off until the settings are enabled here.';
	}

	/** The host of the site's address. What plugins for languages make of that does not count, so it is read where they do not come in. */
	private static function host(): string {
		$home = defined( 'WP_HOME' ) && ! is_multisite() ? (string) WP_HOME : (string) Store::get( 'home' );
		return self::plain( (string) wp_parse_url( $home, PHP_URL_HOST ) );
	}

	/** @return string[] the hosts of a site that has several, from SITE_SMTP_HOSTS in wp-config.php. */
	private static function hosts(): array {
		$list = defined( 'SITE_SMTP_HOSTS' ) ? (array) SITE_SMTP_HOSTS : array();
		return array_map( array( self::class, 'plain' ), preg_split( '/[\s,]+/', implode( ',', $list ), -1, PREG_SPLIT_NO_EMPTY ) );
	}

	private static function plain( string $host ): string {
		return preg_replace( '/^www\./', '', strtolower( $host ) );
	}
}
