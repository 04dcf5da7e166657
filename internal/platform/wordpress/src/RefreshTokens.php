<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * Refresh tokens that replace the one that was entered. A token endpoint may give another one each time that one is used, and then that
 * one is worth nothing any more. So the successor hangs on what was entered: whoever sends the same refresh token again for the same
 * endpoint and application, such as a client that saves what it has tested, gets the successor used.
 */
final class RefreshTokens {
	private const ROW = 'site_smtp_refresh_tokens';

	/**
	 * Has the newest refresh token used, and stores its successor before what came with it is used. One at a time: it may work only once.
	 *
	 * @param Secret                  $entered the refresh token that was entered, with the client secret beside it.
	 * @param callable(Secret): array $ask     what the token endpoint grants for such a secret.
	 * @throws \RuntimeException where there is none, or the successor could not be stored.
	 */
	public static function lend( Settings $settings, Secret $entered, callable $ask ): array {
		return Store::alone(
			'refresh token',
			static function () use ( $settings, $entered, $ask ): array {
				[ $token, $beside ] = $entered->parts();
				$of                 = self::belonging( $settings, $token );
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

	/** Removes those that nothing needs any more. Where that fails, they stay until the next time. */
	public static function drop_unneeded(): void {
		try {
			Store::change( self::ROW, static fn ( ?string $row ): ?string => null === $row ? null : self::encode( $row, self::needed( $row ) ) );
		} catch ( Problem $problem ) {
			error_log( 'Site SMTP: refresh tokens that nothing needs could not be removed' );
		}
	}

	/** Removes all of them, once the settings are cleared. */
	public static function forget(): void {
		try {
			Store::remove( self::ROW );
		} catch ( Problem $problem ) {
			error_log( 'Site SMTP: the refresh tokens of the settings that were cleared could not be removed' );
		}
	}

	/** Seals the successor of what is saved with the present key, when the record is. */
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

	/** What recognises a refresh token that was entered, and where it is used: a successor goes nowhere else. */
	private static function belonging( Settings $settings, string $token ): array {
		return array( 'refresh token', Site::id(), $settings->token_url, $settings->client_id, $token );
	}

	private static function of_record( Record $record ): ?array {
		return 'refresh_token' === $record->settings->grant && null !== $record->password
			? self::belonging( $record->settings, $record->password->parts()[0] ) : null;
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

	/** What a successor belongs to: the one that was entered. */
	private static function place( string $entered ): array {
		return array( 'successor', Site::id(), $entered );
	}

	/** @return list<array> those that are no successor of that one. */
	private static function others( array $all, array $of ): array {
		return array_values( array_filter( $all, static fn ( array $known ): bool => ! Keys::matches( $known['entered'], $of ) ) );
	}

	/** @return list<array> those of what is saved and, for as long as the result of a test can be read, of candidates, which may yet be saved. */
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

	/** What the row becomes; null where it stays as it is. */
	private static function encode( string $row, array $entries ): ?string {
		$next = wp_json_encode( $entries );
		return $next === $row ? null : $next;
	}

	/** @return list<array> */
	private static function decode( ?string $row ): array {
		$stored = null === $row ? null : json_decode( $row, true, 8 );
		return is_array( $stored ) ? array_values( $stored ) : array();
	}
}
