<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * Seals passwords and makes fingerprints. The key comes from wp-config.php: from SITE_SMTP_KEY, a string or a list of strings of which the
 * first seals, or from WordPress' own keys. All of them open, so a key can be changed without losing what an older key sealed.
 */
final class Keys {
	/** @return string[] the keys for a purpose; the first one seals. */
	private static function derive( string $purpose ): array {
		$secrets   = defined( 'SITE_SMTP_KEY' ) ? array_values( array_filter( (array) SITE_SMTP_KEY ) ) : array();
		$secrets[] = wp_salt( 'auth' );
		return array_map( static fn ( string $secret ): string => hash_hkdf( 'sha256', $secret, 32, "site-smtp $purpose" ), $secrets );
	}

	/** The name of the current key. */
	public static function name(): string {
		return self::name_of( self::derive( 'name' )[0] );
	}

	/**
	 * Whether the keys are in the database, together with what they seal. WordPress creates keys there if wp-config.php has none, or only
	 * those of its sample.
	 */
	public static function are_in_database(): bool {
		if ( defined( 'SITE_SMTP_KEY' ) && array() !== array_filter( (array) SITE_SMTP_KEY ) ) {
			return false;
		}
		// First, because this call creates them.
		$used = wp_salt( 'auth' );
		foreach ( array( 'auth_key', 'auth_salt', 'secret_key' ) as $name ) {
			$stored = get_site_option( $name );
			if ( is_string( $stored ) && '' !== $stored && str_contains( $used, $stored ) ) {
				return true;
			}
		}
		return false;
	}

	/** Whether one of the keys has that name. */
	public static function has( string $name ): bool {
		return in_array( $name, array_map( array( self::class, 'name_of' ), self::derive( 'name' ) ), true );
	}

	private static function name_of( string $derived ): string {
		return substr( hash( 'sha256', $derived ), 0, 16 );
	}

	/** Encrypts a secret. Keys::open needs the same $belongs_to. */
	public static function seal( Secret $secret, array $belongs_to ): string {
		$nonce = random_bytes( SODIUM_CRYPTO_AEAD_XCHACHA20POLY1305_IETF_NPUBBYTES );
		$key   = self::derive( 'seal' )[0];
		$box   = sodium_crypto_aead_xchacha20poly1305_ietf_encrypt( $secret->reveal(), wp_json_encode( $belongs_to ), $nonce, $key );
		return base64_encode( $nonce . $box );
	}

	/** Decrypts a secret; null if no key fits. */
	public static function open( string $sealed, array $belongs_to ): ?Secret {
		$bytes = (string) base64_decode( $sealed, true );
		$nonce = substr( $bytes, 0, SODIUM_CRYPTO_AEAD_XCHACHA20POLY1305_IETF_NPUBBYTES );
		$box   = substr( $bytes, strlen( $nonce ) );
		if ( strlen( $box ) < SODIUM_CRYPTO_AEAD_XCHACHA20POLY1305_IETF_ABYTES ) {
			return null;
		}
		foreach ( self::derive( 'seal' ) as $key ) {
			$value = sodium_crypto_aead_xchacha20poly1305_ietf_decrypt( $box, wp_json_encode( $belongs_to ), $nonce, $key );
			if ( false !== $value ) {
				return new Secret( $value );
			}
		}
		return null;
	}

	/** A keyed hash of the parts. */
	public static function mark( array $parts ): string {
		return hash_hmac( 'sha256', wp_json_encode( $parts ), self::derive( 'mark' )[0] );
	}

	public static function matches( string $mark, array $parts ): bool {
		foreach ( self::derive( 'mark' ) as $key ) {
			if ( hash_equals( hash_hmac( 'sha256', wp_json_encode( $parts ), $key ), $mark ) ) {
				return true;
			}
		}
		return false;
	}
}
