<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * Which addresses may be dialled. Someone who can test settings could otherwise reach the network of the web server. The check applies to
 * the address that is actually dialled, whatever its name or spelling was.
 */
final class Networks {
	public const LOOPBACK = array( '127.0.0.0/8', '::1/128' );

	/** IPv4 addresses outside these are public: the IANA special-purpose registry, multicast and class E. */
	private const RESERVED_4 = array(
		'0.0.0.0/8',
		'10.0.0.0/8',
		'100.64.0.0/10',
		'127.0.0.0/8',
		'169.254.0.0/16',
		'172.16.0.0/12',
		'192.0.0.0/24',
		'192.0.2.0/24',
		'192.88.99.0/24',
		'192.168.0.0/16',
		'198.18.0.0/15',
		'198.51.100.0/24',
		'203.0.113.0/24',
		'224.0.0.0/3',
	);

	/** IPv6 addresses inside the first and outside the others are public. Mappings of IPv4, such as NAT64, are not inside. */
	private const GLOBAL_6   = array( '2000::/3' );
	private const RESERVED_6 = array( '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20' );

	public static function allow( string $ip ): bool {
		if ( self::contain( self::allowed(), $ip ) ) {
			return true;
		}
		return 4 === strlen( self::bytes( $ip ) )
			? ! self::contain( self::RESERVED_4, $ip )
			: self::contain( self::GLOBAL_6, $ip ) && ! self::contain( self::RESERVED_6, $ip );
	}

	/** @param string[] $networks in the form address/bits. */
	public static function contain( array $networks, string $ip ): bool {
		$bytes = self::bytes( $ip );
		foreach ( '' === $bytes ? array() : $networks as $network ) {
			[ $base, $bits ] = explode( '/', $network ) + array( 1 => '128' );
			$base            = self::bytes( $base );
			$mask            = str_pad( str_repeat( "\xff", (int) $bits >> 3 ) . chr( 0xff00 >> ( $bits & 7 ) & 0xff ), 16, "\0" );
			if ( strlen( $base ) === strlen( $bytes ) && ( $base & $mask ) === ( $bytes & $mask ) ) {
				return true;
			}
		}
		return false;
	}

	/** The networks in SITE_SMTP_ALLOW_NETWORKS of wp-config.php, such as that of an internal relay. */
	private static function allowed(): array {
		$list = defined( 'SITE_SMTP_ALLOW_NETWORKS' ) ? (array) SITE_SMTP_ALLOW_NETWORKS : array();
		return preg_split( '/[\s,]+/', implode( ',', $list ), -1, PREG_SPLIT_NO_EMPTY );
	}

	/** The address in 4 or 16 bytes (4 for IPv4 in IPv6); empty if it is not an address. */
	private static function bytes( string $ip ): string {
		$bytes  = filter_var( $ip, FILTER_VALIDATE_IP ) ? inet_pton( $ip ) : '';
		$mapped = str_repeat( "\0", 10 ) . "\xff\xff";
		return str_starts_with( $bytes, $mapped ) ? substr( $bytes, 12 ) : $bytes;
	}
}
