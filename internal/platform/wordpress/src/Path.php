<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * Who sends the site's mail. The first to define wp_mail() is asked for every mail, and this plugin is the first wherever it is
 * loaded before others, as must-use plugins are.
 */
final class Path {
	/** The file that had defined wp_mail() when this plugin was loaded; empty where nobody had. */
	private static string $taken = '';

	/** Looks who was first, as this plugin is loaded. */
	public static function note(): void {
		$owner = self::owner();
		// WordPress' own comes last, but is there when a plugin is activated in the middle of a request.
		self::$taken = 0 === strpos( $owner, wp_normalize_path( ABSPATH . WPINC ) . '/' ) ? '' : $owner;
	}

	/** The file that defines wp_mail(); empty as long as none does. */
	public static function owner(): string {
		return function_exists( 'wp_mail' ) ? wp_normalize_path( (string) ( new \ReflectionFunction( 'wp_mail' ) )->getFileName() ) : '';
	}

	/** Why mail does not take the way of these settings, in a sentence; null where it does. */
	public static function obstacle(): ?string {
		if ( '' === self::$taken ) {
			return null;
		}
		$file = 0 === strpos( self::$taken, wp_normalize_path( ABSPATH ) ) ? substr( self::$taken, strlen( wp_normalize_path( ABSPATH ) ) ) : self::$taken;
		return "Another plugin sends the mail of this site: wp_mail() is defined in $file, which is loaded before this plugin. "
			. 'Remove that file, or load this plugin first, from wp-content/mu-plugins.';
	}
}
