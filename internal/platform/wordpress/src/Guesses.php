<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * Passwords that are compared with a stored one. A caller could otherwise guess it: wrong passwords are logged and count against a limit,
 * as failed logins do. Once it is reached, the right password is refused too.
 */
final class Guesses {
	private const ROW   = 'site_smtp_guesses';
	private const BURST = 10;
	private const EVERY = 60;

	/**
	 * @param callable(): mixed $compare returns null or false if the password is wrong.
	 * @return mixed what $compare returns.
	 */
	public static function judge( ?Secret $password, callable $compare ): mixed {
		if ( null === $password ) {
			return $compare();
		}
		Limit::check( self::ROW, self::BURST, self::EVERY, 'Too many wrong passwords: the next one is compared' );
		$result = $compare();
		if ( null === $result || false === $result ) {
			Limit::owe( self::ROW, self::BURST, self::EVERY );
			$from = filter_var( wp_unslash( $_SERVER['REMOTE_ADDR'] ?? '' ), FILTER_VALIDATE_IP );
			error_log( sprintf( 'Site SMTP: %s sent a wrong mail password from %s', Token::name() ?? wp_get_current_user()->user_login, $from ) );
		}
		return $result;
	}
}
