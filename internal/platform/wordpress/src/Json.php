<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** JSON, as strictly as the contract requires: every member is known, occurs once and has its type. */
final class Json {
	/** @param array<string, string|array> $shape types by name, nested for objects; a name with ? may be absent. */
	public static function decode( string $text, array $shape ): array {
		try {
			$value = json_decode( $text, false, 8, JSON_THROW_ON_ERROR );
		} catch ( \JsonException $e ) {
			throw new Problem( 'malformed', 'The body is not JSON in UTF-8.' );
		}
		self::refuse_twins( $text );
		return self::fit( $value, $shape, 'body' );
	}

	/** Refuses a member that occurs twice: PHP would silently take the last one. */
	private static function refuse_twins( string $text ): void {
		preg_match_all( '/"[^"\\\\]*+(?:\\\\.[^"\\\\]*+)*+"(\s*+:)?|[{}]/', $text, $tokens, PREG_SET_ORDER );
		$open = array();
		foreach ( $tokens as $token ) {
			if ( '{' === $token[0] ) {
				$open[] = array();
			} elseif ( '}' === $token[0] ) {
				array_pop( $open );
			} elseif ( isset( $token[1] ) ) {
				$name = json_decode( substr( $token[0], 0, -strlen( $token[1] ) ) );
				$here = array_key_last( $open );
				if ( in_array( $name, $open[ $here ], true ) ) {
					throw new Problem( 'malformed', 'The body has a member twice.' );
				}
				$open[ $here ][] = $name;
			}
		}
	}

	/**
	 * @param mixed        $value what was decoded.
	 * @param string|array $type  as in a shape.
	 * @return mixed
	 */
	private static function fit( $value, $type, string $name ) {
		if ( is_string( $type ) ) {
			if ( gettype( $value ) !== $type ) {
				throw new Problem( 'malformed', "$name has the wrong type." );
			}
			return $value;
		}
		if ( ! $value instanceof \stdClass ) {
			throw new Problem( 'malformed', "$name has the wrong type." );
		}
		$members = get_object_vars( $value );
		$fitting = array();
		foreach ( $type as $member => $of ) {
			$plain = rtrim( $member, '?' );
			if ( array_key_exists( $plain, $members ) ) {
				$fitting[ $plain ] = self::fit( $members[ $plain ], $of, $plain );
			} elseif ( $plain === $member ) {
				throw new Problem( 'malformed', "$name lacks $member." );
			}
		}
		if ( count( $fitting ) < count( $members ) ) {
			throw new Problem( 'malformed', "$name has a member that is unknown." );
		}
		return $fitting;
	}
}
