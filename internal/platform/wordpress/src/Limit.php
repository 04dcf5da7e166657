<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** Limits how often something may happen: $burst times at once, then once every $every seconds. Each limit has its own row. */
final class Limit {
	/** Counts once, if the limit allows it. */
	public static function take( string $row, int $burst, int $every, string $what ): void {
		self::spend( $row, $burst, $every, $what, true );
	}

	/** Refuses if the limit is reached, and counts nothing. */
	public static function check( string $row, int $burst, int $every, string $what ): void {
		self::refuse( self::left( Store::get( $row ), $burst, $every ), $every, $what );
	}

	/** Counts once even if the limit is reached: what happens at the same moment is counted too. */
	public static function owe( string $row, int $burst, int $every ): void {
		self::spend( $row, $burst, $every, '', false );
	}

	private static function spend( string $row, int $burst, int $every, string $what, bool $refuse ): void {
		Store::change(
			$row,
			static function ( ?string $stored ) use ( $burst, $every, $what, $refuse ): string {
				$left = self::left( $stored, $burst, $every );
				if ( $refuse ) {
					self::refuse( $left, $every, $what );
				}
				return wp_json_encode( array( $left - 1, microtime( true ) ) );
			}
		);
	}

	private static function left( ?string $stored, int $burst, int $every ): float {
		[ $left, $since ] = null === $stored ? array( $burst, 0 ) : json_decode( $stored, true, 8, JSON_THROW_ON_ERROR );
		return min( $burst, $left + max( 0, microtime( true ) - $since ) / $every );
	}

	private static function refuse( float $left, int $every, string $what ): void {
		if ( $left < 1 ) {
			$wait = (int) ceil( ( 1 - $left ) * $every );
			throw new Problem( 'rate_limited', "$what in $wait s.", array(), $wait );
		}
	}
}
