<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * Rows of the current site's options table. WordPress' cache is bypassed, because it may be stale with several web servers. A row is
 * inserted only if there is none and updated only if it is still what was read, each in one statement: of two writers one fails, and a
 * crash leaves the old row or the new one.
 */
final class Store {
	public static function get( string $name ): ?string {
		global $wpdb;
		$rows = self::select( $wpdb->prepare( "SELECT option_value FROM $wpdb->options WHERE option_name = %s", $name ) );
		return $rows[0]->option_value ?? null;
	}

	/** Inserts a row; false if there already is one. */
	public static function add( string $name, string $value ): bool {
		global $wpdb;
		$sql = "INSERT IGNORE INTO $wpdb->options (option_name, option_value, autoload) VALUES (%s, %s, 'no')";
		return self::write( $wpdb->prepare( $sql, $name, $value ) );
	}

	/** Replaces $old (null: no row) by $new; false if the row is different. Compared byte by byte, because the table's collation ignores case. */
	public static function swap( string $name, ?string $old, string $new ): bool {
		global $wpdb;
		if ( null === $old ) {
			return self::add( $name, $new );
		}
		$sql = "UPDATE $wpdb->options SET option_value = %s WHERE option_name = %s AND BINARY option_value = %s";
		return self::write( $wpdb->prepare( $sql, $new, $name, $old ) );
	}

	/**
	 * Changes a row, and repeats that until no other request wrote between reading and writing.
	 *
	 * @param callable(?string): ?string $change from the old row to the new one; null leaves it as it is.
	 */
	public static function change( string $name, callable $change ): void {
		for ( $attempt = 0; $attempt < 100; $attempt++ ) {
			$old = self::get( $name );
			$new = $change( $old );
			if ( null === $new || self::swap( $name, $old, $new ) ) {
				return;
			}
		}
		throw new Problem( 'storage', 'Too many requests tried to write at the same time.' );
	}

	/**
	 * Lets the requests of the site take turns at $do. If the database has no GET_LOCK, they run at the same time.
	 *
	 * @return mixed what $do returns.
	 * @throws Problem if the turn does not come in half a minute.
	 */
	public static function in_turn( string $name, callable $do ): mixed {
		global $wpdb;
		$lock = 'site-smtp ' . substr( hash( 'sha256', DB_NAME . " $wpdb->options $name" ), 0, 32 );
		$got  = false === self::query( $wpdb->prepare( 'SELECT GET_LOCK(%s, 30) AS got', $lock ) ) ? null : ( $wpdb->last_result[0]->got ?? null );
		if ( '0' === (string) $got ) {
			throw new Problem( 'internal', "i/o timeout: other requests have been using the $name for half a minute." );
		}
		try {
			return $do();
		} finally {
			self::query( $wpdb->prepare( 'SELECT RELEASE_LOCK(%s)', $lock ) );
		}
	}

	/** @return array<string, string> the rows whose names have this prefix, the oldest or the newest first. */
	public static function all( string $prefix, bool $newest_first, int $limit ): array {
		global $wpdb;
		$order = $newest_first ? 'DESC' : 'ASC';
		$sql   = "SELECT option_name, option_value FROM $wpdb->options WHERE option_name LIKE %s ORDER BY option_id $order LIMIT %d";
		$rows  = self::select( $wpdb->prepare( $sql, $wpdb->esc_like( $prefix ) . '%', $limit ) );
		return array_column( $rows, 'option_value', 'option_name' );
	}

	public static function remove( string $name ): void {
		global $wpdb;
		self::write( $wpdb->prepare( "DELETE FROM $wpdb->options WHERE option_name = %s", $name ) );
	}

	/** @return object[] */
	private static function select( string $sql ): array {
		global $wpdb;
		if ( false === self::query( $sql ) ) {
			throw new Problem( 'internal', 'The site could not read its database.' );
		}
		return $wpdb->last_result;
	}

	/** Returns whether a row was changed. */
	private static function write( string $sql ): bool {
		$rows = self::query( $sql );
		if ( false === $rows && self::is_lost() ) {
			throw new Problem( 'internal', 'The site cannot tell whether the change was stored, because it lost its database: read its settings.' );
		}
		if ( false === $rows ) {
			throw new Problem( 'storage', 'The site could not store the change; its settings are unchanged.' );
		}
		return $rows > 0;
	}

	/** Whether the connection is gone (2006), or went during the query (2013). */
	private static function is_lost(): bool {
		global $wpdb;
		return ! $wpdb->dbh || ( $wpdb->dbh instanceof \mysqli && in_array( $wpdb->dbh->errno, array( 2006, 2013 ), true ) );
	}

	/**
	 * Runs a query. If it fails, WordPress would otherwise show and log all of it.
	 *
	 * @return int|false the number of rows, or false.
	 */
	private static function query( string $sql ) {
		global $wpdb;
		$suppressed = $wpdb->suppress_errors();
		$rows       = $wpdb->query( $sql );
		$wpdb->suppress_errors( $suppressed );
		if ( false === $rows ) {
			error_log( "Site SMTP: database error: $wpdb->last_error" );
		}
		return $rows;
	}
}
