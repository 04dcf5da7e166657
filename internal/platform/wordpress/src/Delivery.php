<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * The result of the site's own mail: without it, nobody would notice that an expired password makes all mail fail. It is one row, which is
 * written at most once a minute while the result stays the same.
 */
final class Delivery {
	private const ROW   = 'site_smtp_delivery';
	private const EVERY = 60;

	public static function succeeded(): void {
		self::note( 'last_success', array( 'at' => Clock::now() ) );
	}

	/** Records where the mail failed, unless nothing was dialled. */
	public static function failed( Connection $connection, Words $words ): void {
		if ( '' === $connection->stage ) {
			return;
		}
		$fault = $connection->fault;
		self::note(
			'last_failure',
			array(
				'at'    => Clock::now(),
				'stage' => $connection->stage,
				'reply' => null === $fault ? $words->reply( $connection->getLastReply() ) : null,
				'error' => null === $fault && null === $connection->challenge ? null : $words->line( $fault ?? $connection->challenge ),
			)
		);
	}

	/** Forgets the results, because other settings are in force now. */
	public static function forget(): void {
		Store::remove( self::ROW );
	}

	/** @return array{last_success: ?string, last_failure: ?array} the members of the contract. */
	public static function read(): array {
		$stored = self::decode( Store::get( self::ROW ) );
		return array(
			'last_success' => $stored['last_success']['at'] ?? null,
			'last_failure' => $stored['last_failure'] ?? null,
		);
	}

	/** Whether the last mail failed, as far as is known. */
	public static function is_failing(): bool {
		$delivery = self::read();
		// Compared as text: both are in UTC with milliseconds, which strtotime drops.
		return null !== $delivery['last_failure'] && $delivery['last_failure']['at'] > ( $delivery['last_success'] ?? '' );
	}

	/** Records a result. If that fails, the mail is not affected. */
	private static function note( string $member, array $value ): void {
		try {
			Store::change(
				self::ROW,
				static function ( ?string $row ) use ( $member, $value ): ?string {
					$stored = self::decode( $row );
					$before = $stored[ $member ] ?? null;
					$same   = null !== $before && array_diff_key( $before, array( 'at' => 0 ) ) === array_diff_key( $value, array( 'at' => 0 ) );
					$other  = $stored[ 'last_success' === $member ? 'last_failure' : 'last_success' ]['at'] ?? '';
					if ( $same && $before['at'] > $other && strtotime( $before['at'] ) > time() - self::EVERY ) {
						return null;
					}
					$stored[ $member ] = $value;
					return wp_json_encode( $stored );
				}
			);
		} catch ( Problem $problem ) {
			error_log( 'Site SMTP: the result of a mail could not be recorded' );
		}
	}

	private static function decode( ?string $row ): array {
		$stored = null === $row ? null : json_decode( $row, true, 8 );
		return is_array( $stored ) ? $stored : array();
	}
}
