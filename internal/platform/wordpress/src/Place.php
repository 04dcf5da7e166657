<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * Where a site runs. Settings are in force only where they were saved: a staging copy of the database would otherwise send mail to the
 * site's customers.
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
	 * Why settings of that place are off here, in a sentence; null if they were saved here.
	 *
	 * @param array{host: string, environment: string} $place
	 */
	public static function fault( array $place ): ?string {
		$here = self::here();
		// If WP_HOME is set from the request, a command has no host.
		$moved = '' !== $here['host'] && '' !== $place['host'] && $here['host'] !== $place['host'] && ! in_array( $here['host'], self::hosts(), true );
		if ( ! $moved && $here['environment'] === $place['environment'] ) {
			return null;
		}
		return "These mail settings were saved on {$place['host']} ({$place['environment']}), but this is {$here['host']} ({$here['environment']}): "
			. 'a copy of the site, or the site has moved. Mail stays off until the settings are enabled here.';
	}

	/** The host of the site's address. It is read directly, because language plugins filter the address. */
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
