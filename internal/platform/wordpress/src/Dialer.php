<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** Connects to the hosts in the settings: only to allowed addresses, and with TLS only if the certificate is valid for the host. */
final class Dialer {
	/** The timeout of a connection, and of a TLS handshake. */
	public const SECONDS = 10;

	/** @return string[] the addresses of the host; itself if it is an address. */
	public static function addresses( string $host ): array {
		if ( filter_var( $host, FILTER_VALIDATE_IP ) ) {
			return array( $host );
		}
		$four = gethostbynamel( $host );
		$six  = @dns_get_record( $host, DNS_AAAA );
		return array_slice( array_merge( $four ? $four : array(), $six ? array_column( $six, 'ipv6' ) : array() ), 0, 8 );
	}

	/**
	 * Connects to the first of the addresses that answers.
	 *
	 * @param bool $verify false takes any certificate in the handshake to come, to look at it.
	 * @return array{resource|false, string, string} the connection, the address that it leads to, and what failed.
	 */
	public static function connect( string $host, int $port, array $addresses, bool $verify = true ): array {
		if ( array() === $addresses ) {
			return array( false, '', "dial tcp: lookup $host: no such host" );
		}
		$faults  = array();
		$seconds = max( 1, self::SECONDS / count( $addresses ) );
		foreach ( $addresses as $address ) {
			// Do not show the address: the resolver may know names that the client must not learn about.
			$target = self::bracketed( $host ) . ":$port";
			if ( ! Networks::allow( $address ) ) {
				$faults[] = "dial tcp $target: address is not public, "
					. 'and its network is not among those that this site allows in SITE_SMTP_ALLOW_NETWORKS';
				continue;
			}
			$conn = @stream_socket_client( 'tcp://' . self::bracketed( $address ) . ":$port", $code, $text, $seconds, STREAM_CLIENT_CONNECT, self::context( $host, $verify ) );
			if ( false !== $conn ) {
				return array( $conn, $address, '' );
			}
			$faults[] = "dial tcp $target: " . ( str_contains( $text, 'timed out' ) ? 'i/o timeout' : 'connect: ' . strtolower( $text ) );
		}
		return array( false, '', implode( '; ', array_unique( $faults ) ) );
	}

	/**
	 * The TLS handshake.
	 *
	 * @param resource $conn
	 * @param float    $seconds how long it may take.
	 * @return string the error; empty if the connection is encrypted.
	 */
	public static function encrypt( $conn, float $seconds = self::SECONDS ): string {
		$said = '';
		set_error_handler(
			static function ( int $level, string $text ) use ( &$said ): bool {
				$said .= $text . ' ';
				return true;
			}
		);
		stream_set_timeout( $conn, max( 1, (int) ceil( $seconds ) ) );
		$encrypted = true === stream_socket_enable_crypto( $conn, true, STREAM_CRYPTO_METHOD_TLSv1_2_CLIENT | STREAM_CRYPTO_METHOD_TLSv1_3_CLIENT );
		restore_error_handler();
		$said = trim( preg_replace( '/\s+/', ' ', str_replace( 'stream_socket_enable_crypto(): ', '', $said ) ) );
		return $encrypted ? '' : ( '' === $said ? 'EOF' : "tls: $said" );
	}

	/** A name or an address, as written before a port. */
	private static function bracketed( string $host ): string {
		return str_contains( $host, ':' ) ? "[$host]" : $host;
	}

	private static function context( string $host, bool $verify ) {
		return stream_context_create(
			array(
				'ssl' => array(
					'peer_name'         => rtrim( $host, '.' ),
					'verify_peer'       => $verify,
					'verify_peer_name'  => $verify,
					'capture_peer_cert' => true,
				),
			)
		);
	}
}
