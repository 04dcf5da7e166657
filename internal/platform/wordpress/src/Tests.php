<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * The tests. Each has a row under its key before the first packet is sent, and only the request that inserted the row sends. So a key leads
 * to one message at most, whatever is retried, races or crashes.
 */
final class Tests {
	private const PREFIX = 'site_smtp_test_';
	private const RATE   = 'site_smtp_rate';

	/** How many test messages may be sent at once, and after how many seconds one more. */
	private const BURST = 20;
	private const EVERY = 10;

	/** For how many seconds a result can be read; this event then removes it. */
	public const KEEP   = 86400;
	private const EVENT = 'site_smtp_forget';

	/**
	 * After how many seconds a running test counts as abandoned: longer than a test can take. A lock of the database would not tell it
	 * sooner: clusters have none, and it ends with a connection that was idle for long.
	 */
	private const ABANDONED = 90;

	/** More tests than the rate allows while a pass counts. */
	private const RECENT = 400;

	/**
	 * Runs the test of that key, or returns it if there already is one.
	 *
	 * @param array{settings: ?Settings, password: ?Secret, adopt: bool, recipient: string} $request without settings, of what is saved; with adopt, password is that of
	 *        what is in force.
	 */
	public static function put( string $key, array $request ): array {
		[ 'settings' => $settings, 'password' => $password, 'recipient' => $recipient ] = $request;
		if ( null !== $settings ) {
			Check::candidate( $settings, $password );
			if ( '' !== $settings->username && null === $password ) {
				throw Site::password_required( 'The password must come with the settings to test: a stored password is used only with the settings it was entered for.' );
			}
		}
		Check::recipient( $recipient );
		$body  = array( 'test', Site::id(), null === $settings ? null : $settings->marked(), Secret::value( $password ), $recipient );
		$known = Store::get( self::PREFIX . $key );
		if ( null === $known ) {
			if ( $request['adopt'] ) {
				InForce::check_sends( Site::read() );
			}
			$as_mail                 = null === $settings;
			[ $settings, $password ] = $as_mail ? self::saved() : array( $settings, $password );
			Limit::take( self::RATE, self::BURST, self::EVERY, 'Too many test messages: the next one may be sent' );
			self::forget();
			$row = wp_json_encode(
				array(
					'mark'    => Keys::mark( $body ),
					'started' => microtime( true ),
					'passed'  => null,
					'test'    => self::running( $key, $recipient ),
				)
			);
			if ( function_exists( 'set_time_limit' ) ) {
				// On Windows, time counts that is spent waiting.
				set_time_limit( self::ABANDONED );
			}
			if ( Store::add( self::PREFIX . $key, $row ) ) {
				self::schedule( self::KEEP + MINUTE_IN_SECONDS );
				return self::finish( $key, $row, ( new Attempt( $settings, $password, $recipient, $as_mail ) )->run(), $settings, $password );
			}
			$known = (string) Store::get( self::PREFIX . $key );
		}
		$mark = json_decode( $known, true, 8, JSON_THROW_ON_ERROR )['mark'];
		if ( ! Guesses::judge( Site::given( $request ), static fn (): bool => Keys::matches( $mark, $body ) ) ) {
			throw new Problem( 'key_reused', 'This key was already used with a different body.' );
		}
		return self::get( $key );
	}

	/** The test of that key as far as it is known. */
	public static function get( string $key ): array {
		$row = Store::get( self::PREFIX . $key );
		if ( null === $row ) {
			throw new Problem( 'not_found', 'No test was recorded under this key.' );
		}
		$stored = json_decode( $row, true, 8, JSON_THROW_ON_ERROR );
		if ( 'running' !== $stored['test']['status'] || microtime( true ) < $stored['started'] + self::ABANDONED ) {
			return $stored['test'];
		}
		$doubt = array(
			'status'    => 'in_doubt',
			'error'     => 'the site stopped, or could not store the result, while this test was running',
			'tested_at' => Clock::now(),
		);
		return self::finish( $key, $row, $doubt );
	}

	/** @return ?array the verification of the newest pass of exactly these settings and this password. */
	public static function newest_pass( Settings $settings, ?Secret $password ): ?array {
		$tested = Record::of_test( $settings, $password );
		foreach ( self::recent() as $stored ) {
			$pass = self::verification( $stored['test'] );
			if ( null !== $stored['passed'] && Keys::matches( $stored['passed'], array( $tested, $pass ) ) ) {
				return $pass;
			}
		}
		return null;
	}

	/** Whether these settings have passed, with any password. */
	public static function have_passed( Settings $settings ): bool {
		foreach ( self::recent() as $stored ) {
			if ( null !== $stored['passed'] && Keys::matches( $stored['settings'] ?? '', self::of_settings( $settings ) ) ) {
				return true;
			}
		}
		return false;
	}

	/** @return iterable<array> what is stored of the tests, the newest first. */
	private static function recent(): iterable {
		foreach ( Store::all( self::PREFIX, true, self::RECENT ) as $row ) {
			yield json_decode( $row, true, 8, JSON_THROW_ON_ERROR );
		}
	}

	/** What is kept of a passed test. The pass is marked with all of it, so that no member can be changed in the row. */
	private static function verification( array $test ): array {
		return array(
			'tested_at'  => $test['tested_at'],
			'recipient'  => $test['recipient'],
			'reply'      => trim( preg_replace( '/\s+/', ' ', implode( ' ', $test['reply'] ?? array() ) ) ),
			'message_id' => $test['message_id'],
		);
	}

	private static function of_settings( Settings $settings ): array {
		return array( 'settings', Site::id(), $settings->marked() );
	}

	/** Stores the result of a test. The first one counts: a test that counts as abandoned stays in doubt. */
	private static function finish( string $key, string $row, array $result, ?Settings $settings = null, ?Secret $password = null ): array {
		$stored         = json_decode( $row, true, 8, JSON_THROW_ON_ERROR );
		$stored['test'] = array_merge( $stored['test'], $result );
		if ( 'passed' === $result['status'] ) {
			$stored['settings'] = Keys::mark( self::of_settings( $settings ) );
			$stored['passed']   = Keys::mark( array( Record::of_test( $settings, $password ), self::verification( $stored['test'] ) ) );
		}
		try {
			return Store::swap( self::PREFIX . $key, $row, wp_json_encode( $stored ) ) ? $stored['test'] : self::get( $key );
		} catch ( Problem $problem ) {
			// Not storage, which says that nothing changed: a message may have been sent, and the client has to ask for the key.
			throw new Problem( 'internal', 'The site could not store the result of the test.' );
		}
	}

	private static function running( string $key, string $recipient ): array {
		return array(
			'key'         => $key,
			'status'      => 'running',
			'stage'       => null,
			'reply'       => null,
			'error'       => null,
			'certificate' => null,
			'stages'      => array(),
			'recipient'   => $recipient,
			'message_id'  => null,
			'tested_at'   => null,
			'diagnosis'   => null,
		);
	}

	/** @return array{Settings, ?Secret} */
	private static function saved(): array {
		$record = Site::read()->readable();
		if ( ! $record->settings->is_configured() ) {
			throw new Problem( 'not_configured', 'No settings are saved, so there is nothing to test.' );
		}
		if ( '' !== $record->settings->username && null === $record->password ) {
			throw Site::password_required( 'No password is stored for this username.' );
		}
		return array( $record->settings, $record->password );
	}

	/** Removes results that are too old, some at a time, and is scheduled again while there are more. */
	public static function forget(): void {
		RefreshTokens::drop_unneeded();
		foreach ( Store::all( self::PREFIX, false, 100 ) as $name => $row ) {
			$left = json_decode( $row, true, 8, JSON_THROW_ON_ERROR )['started'] + self::KEEP - time();
			if ( $left > 0 ) {
				self::schedule( (int) $left + MINUTE_IN_SECONDS );
				return;
			}
			Store::remove( $name );
		}
	}

	private static function schedule( int $seconds ): void {
		if ( ! wp_next_scheduled( self::EVENT ) ) {
			wp_schedule_single_event( time() + $seconds, self::EVENT );
		}
	}

	public static function register(): void {
		add_action( self::EVENT, array( self::class, 'forget' ) );
	}
}
