<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * The successors of refresh tokens. A token endpoint may replace a refresh token each time it is used, which invalidates the token that
 * was entered. The site therefore stores its successor: if the same token is entered again for the same endpoint and application, for
 * example by a client that saves what it has tested or retries a test, the successor is used.
 */
final class RefreshTokens {
	private const ROW = 'site_smtp_refresh_tokens';

	/**
	 * Passes the current refresh token to $ask, and stores its successor before the access token is used. Requests take turns, because a
	 * refresh token may work only once.
	 *
	 * @param Secret                  $entered the refresh token that was entered, joined with the client secret.
	 * @param callable(Secret): array $ask     returns what the token endpoint grants for a secret of that form.
	 * @return array what $ask returned.
	 * @throws \RuntimeException if $ask throws one, the turn does not come, or the successor could not be stored.
	 */
	public static function lend( Settings $settings, Secret $entered, callable $ask ): array {
		return Store::in_turn(
			'refresh token',
			static function () use ( $settings, $entered, $ask ): array {
				[ $token, $beside ] = $entered->parts();
				$of                 = self::identity( $settings, $token );
				$current            = self::successor( $of ) ?? new Secret( $token );
				$answer             = $ask( '' === $beside ? $current : Secret::join( $current, new Secret( $beside ) ) );
				$next               = new Secret( (string) ( $answer['refresh_token'] ?? '' ) );
				if ( '' !== $next->reveal() && ! Secret::same( $next, $current ) ) {
					self::replace( $of, $next );
				}
				return $answer;
			}
		);
	}

	/** Removes the successors that are no longer needed. If that fails, they stay until the next time. */
	public static function drop_unneeded(): void {
		try {
			Store::change( self::ROW, static fn ( ?string $row ): ?string => null === $row ? null : self::encode( $row, self::needed( $row ) ) );
		} catch ( Problem $problem ) {
			error_log( 'Site SMTP: refresh tokens that are no longer needed could not be removed' );
		}
	}

	/** Removes all successors, once the settings are cleared. */
	public static function forget(): void {
		try {
			Store::remove( self::ROW );
		} catch ( Problem $problem ) {
			error_log( 'Site SMTP: the refresh tokens of the cleared settings could not be removed' );
		}
	}

	/** Seals the successor of the saved refresh token with the current key, as Site::read does with the record. */
	public static function renew( Record $record ): void {
		$saved = self::of_record( $record );
		Store::change(
			self::ROW,
			static function ( ?string $row ) use ( $saved ): ?string {
				$next = null === $saved ? null : self::find( $row, $saved );
				return null === $next ? null : self::encode( $row, array( ...self::others( self::decode( $row ), $saved ), self::entry( $saved, $next ) ) );
			}
		);
	}

	/** What identifies a refresh token that was entered, with its endpoint and application: a successor is used only there. */
	private static function identity( Settings $settings, string $token ): array {
		return array( 'refresh token', Site::id(), $settings->token_url, $settings->client_id, $token );
	}

	private static function of_record( Record $record ): ?array {
		return 'refresh_token' === $record->settings->grant && null !== $record->password
			? self::identity( $record->settings, $record->password->parts()[0] ) : null;
	}

	private static function successor( array $of ): ?Secret {
		return self::find( Store::get( self::ROW ), $of );
	}

	private static function find( ?string $row, array $of ): ?Secret {
		foreach ( self::decode( $row ) as $known ) {
			if ( Keys::matches( $known['entered'], $of ) ) {
				return Keys::open( $known['sealed'], self::place( $known['entered'] ) );
			}
		}
		return null;
	}

	private static function replace( array $of, Secret $next ): void {
		try {
			$entry = self::entry( $of, $next );
			Store::change( self::ROW, static fn ( ?string $row ): string => wp_json_encode( array( ...self::others( self::needed( $row ), $of ), $entry ) ) );
		} catch ( Problem $problem ) {
			throw new \RuntimeException( 'the refresh token was replaced, and its successor could not be stored' );
		}
	}

	/** @return array{entered: string, sealed: string, at: int} */
	private static function entry( array $of, Secret $next ): array {
		$entered = Keys::mark( $of );
		return array(
			'entered' => $entered,
			'sealed'  => Keys::seal( $next, self::place( $entered ) ),
			'at'      => time(),
		);
	}

	/** What a successor is sealed for: the refresh token that was entered. */
	private static function place( string $entered ): array {
		return array( 'successor', Site::id(), $entered );
	}

	/** @return list<array> the successors of other refresh tokens. */
	private static function others( array $all, array $of ): array {
		return array_values( array_filter( $all, static fn ( array $known ): bool => ! Keys::matches( $known['entered'], $of ) ) );
	}

	/**
	 * The successors that may still be needed: that of the saved refresh token and, as long as test results can be read, those of tested
	 * candidates, which may still be saved.
	 *
	 * @return list<array>
	 */
	private static function needed( ?string $row ): array {
		$all = self::decode( $row );
		if ( array() === $all ) {
			return array();
		}
		$saved     = self::of_record( Site::read() );
		$since     = time() - Tests::KEEP;
		$is_needed = static fn ( array $known ): bool => $known['at'] >= $since || ( null !== $saved && Keys::matches( $known['entered'], $saved ) );
		return array_values( array_filter( $all, $is_needed ) );
	}

	/** The new row; null if it would not change. */
	private static function encode( string $row, array $entries ): ?string {
		$next = wp_json_encode( $entries );
		return $next === $row ? null : $next;
	}

	/** @return list<array> the entries of a row; a damaged one is left out. */
	private static function decode( ?string $row ): array {
		$stored = null === $row ? null : json_decode( $row, true, 8 );
		$fits   = static fn ( $known ): bool => is_string( $known['entered'] ?? null ) && is_string( $known['sealed'] ?? null ) && is_int( $known['at'] ?? null );
		return is_array( $stored ) ? array_values( array_filter( $stored, $fits ) ) : array();
	}
}
