<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * What a service account sends instead of a secret: a statement, signed with its private key, that it acts for a mailbox. It is a JSON Web
 * Token with RS256 (RFC 7523 section 3, RFC 7515 appendix A.2).
 */
final class Assertion {
	/** In seconds. It is valid from a minute ago, in case the clock is ahead, and for less than the hour that Google allows. */
	private const AGO     = 60;
	private const SECONDS = 600;

	private const BEGINS = '-----BEGIN PRIVATE KEY-----';
	private const ENDS   = '-----END PRIVATE KEY-----';

	/** Why a key cannot sign; null if it can. */
	public static function fault( Secret $key ): ?string {
		return null !== self::key( $key ) ? null
			: 'must be an RSA key in PEM, from ' . self::BEGINS . ' to ' . self::ENDS . ': in Google\'s JSON file the member private_key';
	}

	/** @throws \RuntimeException if the key cannot sign. */
	public static function sign( Settings $settings, Secret $key ): string {
		$claims = array(
			'iss'   => $settings->client_id,
			'sub'   => $settings->username,
			'scope' => $settings->scopes,
			'aud'   => $settings->token_url,
			'iat'   => time() - self::AGO,
			'exp'   => time() + self::SECONDS,
		);
		$claims = array_filter( $claims, static fn ( $value ): bool => '' !== $value );
		$text   = self::base64url( '{"alg":"RS256","typ":"JWT"}' ) . '.' . self::base64url( wp_json_encode( $claims, JSON_UNESCAPED_SLASHES ) );
		$signer = self::key( $key );
		if ( null === $signer || ! openssl_sign( $text, $signature, $signer, OPENSSL_ALGO_SHA256 ) ) {
			throw new \RuntimeException( 'private key: cannot sign' );
		}
		return "$text." . self::base64url( $signature );
	}

	/** How far the clock of this machine is from the endpoint's, if that may be why it refused; $head is the head of its answer. */
	public static function clock( int $now, string $head ): string {
		$theirs = preg_match( '/^Date:\s*(.+?)\s*$/im', $head, $date ) ? strtotime( $date[1] ) : false;
		$ahead  = false === $theirs ? 0 : $now - $theirs;
		if ( $ahead > self::AGO ) {
			return " (the clock that signed is $ahead s ahead of the endpoint's)";
		}
		return $ahead < -self::SECONDS / 2 ? ' (the clock that signed is ' . -$ahead . " s behind the endpoint's)" : '';
	}

	/** Reads PKCS #8 in PEM (RFC 7468 section 10), with line breaks, without them, or with \n instead, as in Google's JSON file. */
	private static function key( Secret $secret ): ?\OpenSSLAsymmetricKey {
		$text = trim( str_replace( '\n', "\n", $secret->reveal() ) );
		if ( ! str_starts_with( $text, self::BEGINS ) || ! str_ends_with( $text, self::ENDS ) ) {
			return null;
		}
		$body = preg_replace( '/\s+/', '', substr( $text, strlen( self::BEGINS ), -strlen( self::ENDS ) ) );
		$key  = openssl_pkey_get_private( self::BEGINS . "\n" . chunk_split( $body, 64, "\n" ) . self::ENDS . "\n" );
		$is   = false === $key ? array() : openssl_pkey_get_details( $key );
		return OPENSSL_KEYTYPE_RSA === ( $is['type'] ?? null ) && $is['bits'] >= 2048 ? $key : null;
	}

	private static function base64url( string $bytes ): string {
		return rtrim( strtr( base64_encode( $bytes ), '+/', '-_' ), '=' );
	}
}
