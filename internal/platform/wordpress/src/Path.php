<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * Which plugin sends the site's mail. The first to define wp_mail() gets every mail, and this plugin is the first if it is loaded before
 * others, as must-use plugins are.
 */
final class Path {
	/** The file that had defined wp_mail() when this plugin was loaded; empty if none had. */
	private static string $taken = '';

	/** Checks, while this plugin is loaded, whether another one was first. */
	public static function note(): void {
		$owner = self::owner();
		// WordPress' own definition comes last, but exists already if a plugin is activated during a request.
		self::$taken = 0 === strpos( $owner, wp_normalize_path( ABSPATH . WPINC ) . '/' ) ? '' : $owner;
	}

	/** The file that defines wp_mail(); empty while none does. */
	public static function owner(): string {
		return function_exists( 'wp_mail' ) ? wp_normalize_path( (string) ( new \ReflectionFunction( 'wp_mail' ) )->getFileName() ) : '';
	}

	/** Why mail is not sent with these settings, in a sentence; null if it is. */
	public static function obstacle(): ?string {
		if ( '' === self::$taken ) {
			return null;
		}
		$file = 0 === strpos( self::$taken, wp_normalize_path( ABSPATH ) ) ? substr( self::$taken, strlen( wp_normalize_path( ABSPATH ) ) ) : self::$taken;
		return "Another plugin sends the mail of this site: wp_mail() is defined in $file, which is loaded before this plugin. "
			. 'Remove that file, or load this plugin first, from wp-content/mu-plugins.';
	}
}
