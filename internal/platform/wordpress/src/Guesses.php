<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * Passwords that are compared with a stored one. Whoever may call could otherwise try out one after the other: those that
 * differ count against a limit as failed logins do, and are logged. Once it is reached, the right one is refused too.
 */
final class Guesses {
	private const ROW   = 'site_smtp_guesses';
	private const BURST = 10;
	private const EVERY = 60;

	/**
	 * @param callable(): mixed $compare what the answer will tell of the password; null and false for that it is another one.
	 * @return mixed what $compare returns.
	 */
	public static function judge( ?Secret $password, callable $compare ): mixed {
		if ( null === $password ) {
			return $compare();
		}
		Limit::check( self::ROW, self::BURST, self::EVERY, 'Too many passwords that differ from the stored one: the next is compared' );
		$result = $compare();
		if ( null === $result || false === $result ) {
			Limit::owe( self::ROW, self::BURST, self::EVERY );
			$from = filter_var( wp_unslash( $_SERVER['REMOTE_ADDR'] ?? '' ), FILTER_VALIDATE_IP );
			error_log( sprintf( 'Site SMTP: %s sent a mail password from %s that is not the stored one', Token::name() ?? wp_get_current_user()->user_login, $from ) );
		}
		return $result;
	}
}
