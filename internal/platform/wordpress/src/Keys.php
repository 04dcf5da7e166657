<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * Seals passwords and makes fingerprints. The key comes from wp-config.php: from SITE_SMTP_KEY, a string or a list of
 * them of which the first seals, and from WordPress' own keys otherwise. All of them open, so that a key can be changed
 * without losing what another one sealed.
 */
final class Keys {
	/** @return string[] the first is the one to use. */
	private static function derive( string $purpose ): array {
		$secrets   = defined( 'SITE_SMTP_KEY' ) ? array_values( array_filter( (array) SITE_SMTP_KEY ) ) : array();
		$secrets[] = wp_salt( 'auth' );
		return array_map( static fn ( string $secret ): string => hash_hkdf( 'sha256', $secret, 32, "site-smtp $purpose" ), $secrets );
	}

	/** Names the key that is in use. */
	public static function name(): string {
		return self::name_of( self::derive( 'name' )[0] );
	}

	/**
	 * Whether the keys lie in the database, beside what they seal: WordPress makes keys there when wp-config.php has none,
	 * or only those of its sample.
	 */
	public static function are_in_database(): bool {
		if ( defined( 'SITE_SMTP_KEY' ) && array() !== array_filter( (array) SITE_SMTP_KEY ) ) {
			return false;
		}
		// First: it is what makes them there.
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

	/** Encrypts; all that it belongs to must be named again to decrypt it. */
	public static function seal( Secret $secret, array $belongs_to ): string {
		$nonce = random_bytes( SODIUM_CRYPTO_AEAD_XCHACHA20POLY1305_IETF_NPUBBYTES );
		$key   = self::derive( 'seal' )[0];
		$box   = sodium_crypto_aead_xchacha20poly1305_ietf_encrypt( $secret->reveal(), wp_json_encode( $belongs_to ), $nonce, $key );
		return base64_encode( $nonce . $box );
	}

	/** Null when no key fits. */
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

	/** Recognises what it was made of, and can be made only with the key. */
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
