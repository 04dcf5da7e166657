<?php
/**
 * Plugin Name: Site SMTP
 * Description: Manages the outgoing mail of this site from outside, over the REST API. Mail is only ever on with settings that passed a test.
 * Version: 1.0.0
 * Requires at least: 6.1
 * Requires PHP: 8.1
 * License: MPL-2.0
 *
 * Implements the site admin contract (openapi.yaml of terraform-provider-smtp) below /wp-json/site-smtp/v1. What each
 * part does, from the inside out:
 *
 *   Problem, Secret        what a failed call says, what never shows
 *   Settings, Check        the settings, and which values are refused
 *   Networks               which addresses may be dialled
 *   Keys, Store            sealing and fingerprints, rows of the options table
 *   Record, Site           what the site holds, and the one function that can enable mail
 *   Tests                  test records: each key reaches a mail server at most once
 *   Connection             PHPMailer's SMTP, bounded and strict, for tests and for the site's own mail
 *   Attempt                one test message, and what became of it
 *   Mail                   WordPress' hooks for outgoing mail
 *   Json, Api              the contract over HTTP
 */

declare( strict_types = 1 );

namespace SiteSMTP;

use PHPMailer\PHPMailer\PHPMailer;
use PHPMailer\PHPMailer\SMTP;

defined( 'ABSPATH' ) || exit;

/** A call that failed, in the words of the contract. All of it may be shown to the caller. */
final class Problem extends \RuntimeException {
	private const STATUS = array(
		'malformed'              => 400,
		'unauthorized'           => 401,
		'not_found'              => 404,
		'method_not_allowed'     => 405,
		'verification_required'  => 409,
		'wrong_site'             => 409,
		'not_configured'         => 409,
		'stale'                  => 412,
		'too_large'              => 413,
		'unsupported_media_type' => 415,
		'invalid'                => 422,
		'password_required'      => 422,
		'key_reused'             => 422,
		'precondition_required'  => 428,
		'rate_limited'           => 429,
		'internal'               => 500,
		'stopping'               => 503,
		'storage'                => 507,
	);

	/** @param array<string, string> $members further members of the problem document: field, revision, updated_by. */
	public function __construct(
		private readonly string $name,
		string $detail,
		private readonly array $members = array(),
		private readonly int $retry_after = 0,
	) {
		parent::__construct( $detail );
	}

	/** A value that is not allowed. */
	public static function of_field( string $field, string $detail ): self {
		return new self( 'invalid', "$field $detail.", array( 'field' => $field ) );
	}

	/** What WordPress, or another plugin, answered with that status. */
	public static function of_status( int $status, string $detail ): self {
		// To the contract, a user who may not is the same as no user.
		$name = 403 === $status ? 'unauthorized' : array_search( $status, self::STATUS, true );
		return new self( false === $name ? 'internal' : $name, $detail );
	}

	/** The problem document (RFC 9457). */
	public function response(): \WP_REST_Response {
		$status   = self::STATUS[ $this->name ];
		$document = array(
			'type'   => 'about:blank',
			'title'  => get_status_header_desc( $status ),
			'status' => $status,
			'code'   => $this->name,
			'detail' => $this->getMessage(),
		);
		$response = new \WP_REST_Response( $document + $this->members, $status );
		$response->header( 'Content-Type', 'application/problem+json' );
		if ( 'unauthorized' === $this->name ) {
			$response->header( 'WWW-Authenticate', 'Basic realm="WordPress Application Password", charset="UTF-8"' );
		}
		if ( $this->retry_after > 0 ) {
			$response->header( 'Retry-After', (string) $this->retry_after );
		}
		return $response;
	}
}

/** A password. Stack traces show the object, dumps show that there is something to hide. */
final class Secret {
	public function __construct( #[\SensitiveParameter] private readonly string $value ) {}

	public function reveal(): string {
		return $this->value;
	}

	/** Whether both hold the same, where null holds nothing. */
	public static function same( ?self $a, ?self $b ): bool {
		return hash_equals( $a?->value ?? '', $b?->value ?? '' );
	}

	public function __debugInfo(): array {
		return array( 'value' => '[redacted]' );
	}

	public function __serialize(): array {
		throw new \LogicException( 'A secret is not serialized.' );
	}
}

/** The mail settings: everything that decides how mail leaves the site, except the password. */
final class Settings {
	/** Every setting, with its type in JSON. */
	public const SHAPE = array(
		'host'         => 'string',
		'port'         => 'integer',
		'encryption'   => 'string',
		'username'     => 'string',
		'from_address' => 'string',
		'from_name'    => 'string',
		'helo_name'    => 'string',
	);

	/** The defaults are those of a site that was never configured. */
	public function __construct(
		public readonly string $host = '',
		public readonly int $port = 0,
		public readonly string $encryption = '',
		public readonly string $username = '',
		public readonly string $from_address = '',
		public readonly string $from_name = '',
		public readonly string $helo_name = '',
	) {}

	public function is_configured(): bool {
		return '' !== $this->host;
	}

	/** @return array<string, string|int> by name. */
	public function values(): array {
		return get_object_vars( $this );
	}

	/** @return string[] the names of the settings that differ. */
	public function diff( self $other ): array {
		return array_keys( array_diff_assoc( $this->values(), $other->values() ) );
	}

	/** What the site calls itself in EHLO: its own name, or the address literal of RFC 5321 section 4.1.3. */
	public function greeting_name(): string {
		if ( '' !== $this->helo_name ) {
			return $this->helo_name;
		}
		$host = trim( (string) wp_parse_url( home_url(), PHP_URL_HOST ), '[]' );
		if ( filter_var( $host, FILTER_VALIDATE_IP, FILTER_FLAG_IPV6 ) ) {
			return "[IPv6:$host]";
		}
		return filter_var( $host, FILTER_VALIDATE_IP ) ? "[$host]" : $host;
	}
}

/** Refuses values that no site may hold. */
final class Check {
	private const NAME   = '/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/iD';
	private const HOST   = '/^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/iD';
	private const NUMBER = '/(^|\.)([0-9]+|0x[0-9a-f]*)$/iD';

	public static function candidate( Settings $s, ?Secret $password ): void {
		$faults = array(
			'host'         => self::length( $s->host, 253 ) ?? self::host( $s->host ),
			'port'         => $s->port < 1 || $s->port > 65535 ? 'must be from 1 to 65535' : null,
			'encryption'   => self::encryption( $s ),
			'username'     => self::length( $s->username, 255 ) ?? self::controls( $s->username ),
			'from_address' => self::address( $s->from_address ),
			'from_name'    => self::length( $s->from_name, 255 ) ?? self::from_name( $s->from_name ),
			'helo_name'    => self::length( $s->helo_name, 255 ) ?? self::helo_name( $s->helo_name ),
			'password'     => self::password( $s, $password ),
		);
		foreach ( array_filter( $faults ) as $field => $fault ) {
			throw Problem::of_field( $field, $fault );
		}
	}

	public static function recipient( string $address ): void {
		$fault = self::address( $address );
		if ( null !== $fault ) {
			throw Problem::of_field( 'recipient', $fault );
		}
	}

	/** Whether the host can only be this machine. */
	public static function is_loopback( string $host ): bool {
		return 'localhost' === strtolower( $host ) || Networks::contain( Networks::LOOPBACK, $host );
	}

	private static function length( string $value, int $longest ): ?string {
		return mb_strlen( $value ) > $longest ? "is longer than $longest characters" : null;
	}

	private static function controls( string $value ): ?string {
		return preg_match( '/\p{Cc}/u', $value ) ? 'holds a control character' : null;
	}

	/** No URLs, ports and zones, and no numbers that some resolvers read as an address (2130706433, 0x7f.1). */
	private static function host( string $host ): ?string {
		if ( filter_var( $host, FILTER_VALIDATE_IP ) ) {
			return null;
		}
		$name = preg_replace( '/\.$/D', '', $host );
		return preg_match( self::HOST, $name ) && ! preg_match( self::NUMBER, $name )
			? null : 'must be a host name such as smtp.example.com or an IP address, without port, path and spaces';
	}

	private static function encryption( Settings $s ): ?string {
		if ( ! in_array( $s->encryption, array( 'starttls', 'tls', 'none' ), true ) ) {
			return 'must be one of starttls, tls, none';
		}
		return 'none' === $s->encryption && '' !== $s->username && ! self::is_loopback( $s->host )
			? 'none would send the password in clear: with a username it is only for a loopback address' : null;
	}

	/** What WordPress sends from and to, which is ASCII only, and nothing that could leave the angle brackets of SMTP. */
	private static function address( string $address ): ?string {
		return strlen( $address ) <= 254 && preg_match( '/^[!-~]+$/D', $address ) && ! strpbrk( $address, '<>"()[]\\,;:' ) 
			&& is_email( $address ) && filter_var( $address, FILTER_VALIDATE_EMAIL )
			? null : 'must be a plain mail address such as name@example.com';
	}

	private static function from_name( string $name ): ?string {
		return self::controls( $name ) ?? ( strpbrk( $name, '<>' ) ? 'must be the name alone, without angle brackets' : null );
	}

	/** A domain name, or an address literal (RFC 5321 section 4.1.1.1). */
	private static function helo_name( string $name ): ?string {
		$literal = preg_match( '/^\[(IPv6:)?(.*)\]$/D', $name, $parts )
			&& filter_var( $parts[2], FILTER_VALIDATE_IP, '' === $parts[1] ? FILTER_FLAG_IPV4 : FILTER_FLAG_IPV6 );
		return '' === $name || $literal || ( strlen( $name ) <= 253 && preg_match( self::NAME, $name ) )
			? null : 'must be a domain name of letters, digits, dots and hyphens, or an address literal such as [192.0.2.1]';
	}

	private static function password( Settings $s, ?Secret $password ): ?string {
		if ( null === $password ) {
			return null;
		}
		$value = $password->reveal();
		return match ( true ) {
			'' === $value                              => 'must not be empty: leave it out to keep the stored one',
			'' === $s->username                        => 'has no use without a username',
			Keys::are_in_database()                    => 'cannot be stored safely: the keys that would protect it are in the database. '
				. 'Set AUTH_KEY and AUTH_SALT, or SITE_SMTP_KEY, in wp-config.php',
			(bool) preg_match( '/^[*•●]+$/Du', $value ) => 'is a mask, not a password',
			default                                    => self::length( $value, 1024 ) ?? self::controls( $value ),
		};
	}
}

/**
 * Which addresses may be dialled. Whoever can test settings could otherwise reach the network of the web server. Judged
 * is the address that is dialled in the end, whatever name or spelling led there.
 */
final class Networks {
	public const LOOPBACK = array( '127.0.0.0/8', '::1/128' );

	/** IPv4 outside of these is public: the IANA special-purpose registry, multicast and class E. */
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

	/** IPv6 inside of this and outside of those is public; mappings of IPv4 such as NAT64 are not inside. */
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

	/** The networks that wp-config.php names in SITE_SMTP_ALLOW_NETWORKS, such as that of an internal relay. */
	private static function allowed(): array {
		$list = defined( 'SITE_SMTP_ALLOW_NETWORKS' ) ? (array) SITE_SMTP_ALLOW_NETWORKS : array();
		return preg_split( '/[\s,]+/', implode( ',', $list ), -1, PREG_SPLIT_NO_EMPTY );
	}

	/** The address as 4 or 16 bytes, an IPv4 address in IPv6 as 4; empty when it is none. */
	private static function bytes( string $ip ): string {
		$bytes  = filter_var( $ip, FILTER_VALIDATE_IP ) ? inet_pton( $ip ) : '';
		$mapped = str_repeat( "\0", 10 ) . "\xff\xff";
		return str_starts_with( $bytes, $mapped ) ? substr( $bytes, 12 ) : $bytes;
	}
}

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
		$names = array_map( self::name_of( ... ), self::derive( 'name' ) );
		return in_array( $name, $names, true );
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

/**
 * Rows of the options table of the present site, past WordPress' cache: with several web servers that may hold what is
 * no longer so. A row is made only where there is none and changed only from what was read, each in one statement, so
 * of two writers one fails and a crash leaves the old row or the new one.
 */
final class Store {
	public static function get( string $name ): ?string {
		global $wpdb;
		$rows = self::select( $wpdb->prepare( "SELECT option_value FROM $wpdb->options WHERE option_name = %s", $name ) );
		return $rows[0]->option_value ?? null;
	}

	/** Whether the row is there now because of this call. */
	public static function add( string $name, string $value ): bool {
		global $wpdb;
		$sql = "INSERT IGNORE INTO $wpdb->options (option_name, option_value, autoload) VALUES (%s, %s, 'no')";
		return self::write( $wpdb->prepare( $sql, $name, $value ) );
	}

	/** Whether the row was $old, null for none, and is $new now. Compared byte by byte: the table's collation ignores case. */
	public static function swap( string $name, ?string $old, string $new ): bool {
		global $wpdb;
		if ( null === $old ) {
			return self::add( $name, $new );
		}
		$sql = "UPDATE $wpdb->options SET option_value = %s WHERE option_name = %s AND BINARY option_value = %s";
		return self::write( $wpdb->prepare( $sql, $new, $name, $old ) );
	}

	/**
	 * Repeats a change of one row until nobody came between reading and writing.
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
		throw new Problem( 'storage', 'Too many calls wanted to write at the same time.' );
	}

	/** @return array<string, string> the rows whose names begin so, in the order in which they were made, or the newest first. */
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
			throw new Problem( 'internal', 'The site could not read what it holds.' );
		}
		return $wpdb->last_result;
	}

	/** Whether it changed a row. */
	private static function write( string $sql ): bool {
		$rows = self::query( $sql );
		if ( false === $rows && self::is_lost() ) {
			throw new Problem( 'internal', 'The site lost its database, and does not know whether the change is stored.' );
		}
		if ( false === $rows ) {
			throw new Problem( 'storage', 'The site could not store the change; what it holds is as it was.' );
		}
		return $rows > 0;
	}

	/** Whether the connection is gone (2006), or went during the query (2013). */
	private static function is_lost(): bool {
		global $wpdb;
		return ! $wpdb->dbh || ( $wpdb->dbh instanceof \mysqli && in_array( $wpdb->dbh->errno, array( 2006, 2013 ), true ) );
	}

	/** The number of rows, or false. Of a query that fails, WordPress would show and log all that is in it. */
	private static function query( string $sql ): int|false {
		global $wpdb;
		$suppressed = $wpdb->suppress_errors();
		$rows       = $wpdb->query( $sql );
		$wpdb->suppress_errors( $suppressed );
		if ( false === $rows ) {
			error_log( "Site SMTP: the database failed: $wpdb->last_error" );
		}
		return $rows;
	}
}

/** What the site holds. Rows that do not prove themselves are read as if what they lack had never been there. */
final class Record {
	/** What of_stored reads and to_row writes; proof covers all the others. */
	private const MEMBERS = array( 'settings', 'enabled', 'revision', 'updated_at', 'updated_by', 'last_write', 'key', 'password', 'verification' );

	public Settings $settings;
	public bool $enabled = false;
	public int $revision = 0;
	public ?string $updated_at = null;
	public ?string $updated_by = null;
	/** @var ?array{id: string, mark: string} */
	public ?array $last_write   = null;
	public ?string $password_id = null;
	public ?Secret $password    = null;
	/** @var ?array{tested_at: string, recipient: string, reply: string, message_id: string} of these settings and this password. */
	public ?array $verification = null;
	/** Why mail is off although it was enabled, or the password is gone although one was set. */
	public string $fault = '';
	/** Nothing but the revision is known, if that: the row is damaged. */
	public bool $unreadable = false;

	public function __construct() {
		$this->settings = new Settings();
	}

	/**
	 * The record of a row. One that cannot be read has a fault, so that a write can replace it.
	 *
	 * @return array{self, bool} the record, and whether its row should be made anew with the present key.
	 */
	public static function from_row( ?string $row ): array {
		if ( null === $row ) {
			return array( new self(), false );
		}
		$stored = json_decode( $row, true, 8 );
		try {
			return self::of_stored( is_array( $stored ) ? $stored : array() );
		} catch ( Problem $problem ) {
			// The database's, not the row's.
			throw $problem;
		} catch ( \Throwable $e ) {
			$r             = new self();
			$r->unreadable = true;
			$r->fault      = 'The stored mail settings cannot be read.';
			$r->revision   = is_int( $stored['revision'] ?? null ) ? $stored['revision'] : 0;
			error_log( sprintf( 'Site SMTP: the stored mail settings cannot be read: %s in line %d', get_class( $e ), $e->getLine() ) );
			return array( $r, false );
		}
	}

	/** @return array{self, bool} as from_row. */
	private static function of_stored( array $stored ): array {
		$first = ! array_key_exists( 'proof', $stored );
		if ( array() !== array_diff( array( ...self::MEMBERS, $first ? 'verified' : 'proof' ), array_keys( $stored ) ) ) {
			throw new \UnexpectedValueException();
		}
		$r             = new self();
		$r->settings   = new Settings( ...$stored['settings'] );
		$r->revision   = $stored['revision'];
		$r->updated_at = $stored['updated_at'];
		$r->updated_by = $stored['updated_by'];
		if ( $first ) {
			$r->trust_first( $stored );
		} elseif ( Keys::matches( $stored['proof'], self::proven( $stored ) ) ) {
			$r->trust( $stored );
		} elseif ( Keys::has( $stored['key'] ) ) {
			$r->fault = 'The stored mail settings were changed in the database, past this plugin, or are those of another site: they lost their password and their verification.';
		} else {
			$r->fault = 'The stored password cannot be read: it is of another site, or the keys in wp-config.php were changed.';
		}
		return array( $r, ( $first || Keys::name() !== $stored['key'] ) && '' === $r->fault );
	}

	/** Takes over what is proven to be as this plugin wrote it. */
	private function trust( array $stored ): void {
		$this->last_write   = $stored['last_write'];
		$this->verification = $stored['verification'];
		$this->enabled      = $stored['enabled'];
		if ( null !== $stored['password'] ) {
			$this->password_id = $stored['password']['id'];
			$this->password    = Keys::open( $stored['password']['sealed'], self::belonging( $this->settings, $this->password_id ) )
				?? throw new \UnexpectedValueException();
		}
	}

	/**
	 * Takes over what a row of version 0.1 proves. Its password is bound to the site, but not to the settings. A mark over
	 * settings and password tells that they belong together: that of a passed test, or that of the write that brought the
	 * password. Without either the password is not used. When the test took place, nothing proves; so the pass keeps mail on
	 * that is on, and turns none on.
	 */
	private function trust_first( array $stored ): void {
		$this->last_write = $stored['last_write'];
		$password         = $stored['password'];
		if ( null !== $password ) {
			$this->password_id = $password['id'];
			$this->password    = Keys::open( $password['sealed'], array( Site::id(), $password['id'] ) );
		}
		$verified = null !== $stored['verification'] && Keys::matches( $stored['verified'], self::of_test( $this->settings, $this->password ) );
		if ( null !== $password && null === $this->password ) {
			$this->fault = 'The stored password cannot be read: it is of another site, or the keys in wp-config.php were changed.';
		} elseif ( null !== $password && ! $verified && ! $this->was_written( $stored['enabled'] ) ) {
			$this->fault = 'The stored password is not used: nothing proves that these settings are those that it was entered for.';
		} elseif ( $stored['enabled'] && ! $verified ) {
			$this->fault = 'Mail was enabled with settings that are not verified.';
		}
		if ( '' !== $this->fault ) {
			$this->last_write  = null;
			$this->password    = null;
			$this->password_id = null;
			return;
		}
		$this->enabled = $stored['enabled'];
		if ( $verified && ( $this->enabled || ! Site::is_fresh( $stored['verification'] ) ) ) {
			$this->verification = $stored['verification'];
		}
	}

	/** Whether the last write had these settings and this password. */
	private function was_written( bool $enabled ): bool {
		return null !== $this->last_write && Keys::matches( $this->last_write['mark'], Site::of_write( $this->settings, $this->password, $enabled ) );
	}

	/** This record, where it could be read. */
	public function readable(): self {
		if ( $this->unreadable ) {
			$detail = "$this->fault Clear them (DELETE), or save them again (PUT), with If-Match: \"$this->revision\".";
			throw new Problem( 'internal', $detail, array( 'revision' => (string) $this->revision ) );
		}
		return $this;
	}

	public function to_row(): string {
		$row = array(
			'settings'     => $this->settings->values(),
			'enabled'      => $this->enabled,
			'revision'     => $this->revision,
			'updated_at'   => $this->updated_at,
			'updated_by'   => $this->updated_by,
			'last_write'   => $this->last_write,
			'key'          => Keys::name(),
			'password'     => null === $this->password ? null : array(
				'id'     => $this->password_id,
				'sealed' => Keys::seal( $this->password, self::belonging( $this->settings, $this->password_id ) ),
			),
			'verification' => $this->verification,
		);
		$row['proof'] = Keys::mark( self::proven( $row ) );
		return wp_json_encode( $row );
	}

	/** What the proof covers: this site and every member of the row. */
	private static function proven( array $row ): array {
		return array( 'record', Site::id(), array_intersect_key( $row, array_flip( self::MEMBERS ) ) );
	}

	/** What a password belongs to: this site, every setting, and its id. It opens with nothing else. */
	private static function belonging( Settings $settings, string $id ): array {
		return array( Site::id(), $settings->values(), $id );
	}

	/** What makes a test that of a candidate: this site, every setting and the password. */
	public static function of_test( Settings $settings, ?Secret $password ): array {
		return array( 'passed', Site::id(), $settings->values(), $password?->reveal() );
	}
}

/** The site's own record and who it is. */
final class Site {
	public const API_VERSION = 1;

	private const RECORD = 'site_smtp';
	private const ID     = 'site_smtp_id';

	/** How old, in seconds, a passed test may be that enables mail. */
	private const PASS_AGE = 3600;

	/** Random, made once, kept in the database: a copy of the site has the same one until the row is removed there. */
	public static function id(): string {
		$id = Store::get( self::ID );
		if ( null === $id ) {
			Store::add( self::ID, wp_generate_uuid4() );
			$id = (string) Store::get( self::ID );
		}
		return $id;
	}

	public static function read(): Record {
		$row                = Store::get( self::RECORD );
		[ $record, $renew ] = Record::from_row( $row );
		if ( $renew ) {
			Store::swap( self::RECORD, $row, $record->to_row() );
		}
		return $record;
	}

	/** @param array{settings: Settings, password: ?Secret, enabled: bool, write_id: string} $write */
	public static function save( array $write, string $revision, string $by ): Record {
		Check::candidate( $write['settings'], $write['password'] );
		$body = self::of_write( $write['settings'], $write['password'], $write['enabled'] );
		return self::write(
			static function ( Record $r ) use ( $write, $revision, $by, $body ): ?Record {
				if ( null !== $r->last_write && $r->last_write['id'] === $write['write_id'] ) {
					if ( ! Guesses::judge( $write['password'], static fn (): bool => Keys::matches( $r->last_write['mark'], $body ) ) ) {
						throw new Problem( 'key_reused', 'This write_id was used with another body.', array( 'field' => 'write_id' ) );
					}
					return null;
				}
				self::check_revision( $r, $revision );
				self::commit( $r, $write );
				self::stamp( $r, $by );
				$r->last_write = array(
					'id'   => $write['write_id'],
					'mark' => Keys::mark( $body ),
				);
				return $r;
			}
		);
	}

	/** What a write is recognised by. */
	public static function of_write( Settings $settings, ?Secret $password, bool $enabled ): array {
		return array( 'write', self::id(), $settings->values(), $password?->reveal(), $enabled );
	}

	/** Whether a pass is recent enough to enable mail. */
	public static function is_fresh( array $verification ): bool {
		return strtotime( $verification['tested_at'] ) >= time() - self::PASS_AGE;
	}

	/** Removes settings and password; WordPress then sends mail as it does without this plugin. */
	public static function clear( string $revision, string $by ): Record {
		return self::write(
			static function ( Record $r ) use ( $revision, $by ): Record {
				self::check_revision( $r, $revision );
				$cleared           = new Record();
				$cleared->revision = $r->revision;
				return self::stamp( $cleared, $by );
			}
		);
	}

	/** @param callable(Record): ?Record $change from what the site holds to what it shall hold; null leaves it as it is. */
	private static function write( callable $change ): Record {
		$result = null;
		Store::change(
			self::RECORD,
			static function ( ?string $row ) use ( $change, &$result ): ?string {
				[ $before ] = Record::from_row( $row );
				$after      = $change( $before );
				$result     = $after ?? $before;
				return $after?->to_row();
			}
		);
		return $result;
	}

	/** Makes the record hold what the write wants. It is the only code that can enable mail. */
	private static function commit( Record $r, array $write ): void {
		[ $id, $password ] = self::password( $r, $write );
		[ $same, $pass ]   = self::passed( $r, $write, $password );
		$fresh             = null !== $pass && self::is_fresh( $pass );
		if ( $write['enabled'] && ! $fresh && ! ( $same && $r->enabled ) ) {
			throw new Problem( 'verification_required', 'Mail can be enabled only with settings and a password that passed a test in the last hour.' );
		}
		$r->settings     = $write['settings'];
		$r->password_id  = $id;
		$r->password     = $password;
		$r->verification = $pass;
		$r->enabled      = $write['enabled'];
		$r->fault        = '';
		$r->unreadable   = false;
	}

	/**
	 * Where these settings have passed a test, with whatever password, the answer tells whether it was with this one.
	 *
	 * @return array{bool, ?array} whether the record has just these settings, this password and a pass; and the newest pass.
	 */
	private static function passed( Record $r, array $write, ?Secret $password ): array {
		$verified = null !== $r->verification && array() === $r->settings->diff( $write['settings'] );
		$same     = $verified && Secret::same( $r->password, $password );
		$find     = static fn (): ?array => Tests::newest_pass( $write['settings'], $password ) ?? ( $same ? $r->verification : null );
		$known    = $verified || Tests::have_passed( $write['settings'] );
		return array( $same, $known ? Guesses::judge( $write['password'], $find ) : null );
	}

	/** @return array{?string, ?Secret} id and value of the password that the record shall have. */
	private static function password( Record $r, array $write ): array {
		if ( '' === $write['settings']->username ) {
			return array( null, null );
		}
		if ( null !== $write['password'] ) {
			return array( bin2hex( random_bytes( 16 ) ), $write['password'] );
		}
		$changed = $r->settings->diff( $write['settings'] );
		if ( array() !== $changed ) {
			$what = implode( ', ', $changed );
			throw self::password_required( "The password must come with a change of $what: a stored password is only used where it was entered for." );
		}
		if ( null === $r->password && $write['enabled'] ) {
			throw self::password_required( 'No password is stored for this username.' );
		}
		return array( $r->password_id, $r->password );
	}

	public static function password_required( string $detail ): Problem {
		return new Problem( 'password_required', $detail, array( 'field' => 'password' ) );
	}

	private static function check_revision( Record $r, string $revision ): void {
		if ( (string) $r->revision !== $revision ) {
			$members = array( 'revision' => (string) $r->revision ) + array_filter( array( 'updated_by' => $r->updated_by ) );
			throw new Problem( 'stale', 'The site was changed since it was read.', $members );
		}
	}

	private static function stamp( Record $r, string $by ): Record {
		++$r->revision;
		$r->updated_at = now();
		$r->updated_by = $by;
		$r->last_write = null;
		return $r;
	}
}

/** The present time as RFC 3339 has it. */
function now(): string {
	return ( new \DateTimeImmutable( 'now', new \DateTimeZone( 'UTC' ) ) )->format( 'Y-m-d\TH:i:s.v\Z' );
}

/** Limits how often something may happen: so many times at once, and then one more every so many seconds. Kept in one row each. */
final class Limit {
	/** Counts once, where that is still allowed. */
	public static function take( string $row, int $burst, int $every, string $what ): void {
		self::spend( $row, $burst, $every, $what, true );
	}

	/** Refuses when nothing is left, and counts nothing. */
	public static function check( string $row, int $burst, int $every, string $what ): void {
		self::refuse( self::left( Store::get( $row ), $burst, $every ), $every, $what );
	}

	/** Counts once in any case: what several do at the same moment is owed. */
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

/**
 * Passwords that are compared with a stored one. Whoever may call could otherwise try out one after the other: those that
 * differ count against a limit as failed logins do, and are logged. Once it is reached, the right one is refused too.
 */
final class Guesses {
	private const ROW   = 'site_smtp_guesses';
	private const BURST = 10;
	private const EVERY = 60;

	/**
	 * @param callable(): mixed $compare what the answer will tell of the password; null and false for that it is another one.
	 * @return mixed what $compare returns.
	 */
	public static function judge( ?Secret $password, callable $compare ): mixed {
		if ( null === $password ) {
			return $compare();
		}
		Limit::check( self::ROW, self::BURST, self::EVERY, 'Too many passwords that differ from the stored one: the next is compared' );
		$result = $compare();
		if ( null === $result || false === $result ) {
			Limit::owe( self::ROW, self::BURST, self::EVERY );
			$from = filter_var( $_SERVER['REMOTE_ADDR'] ?? '', FILTER_VALIDATE_IP );
			error_log( sprintf( 'Site SMTP: %s sent a mail password from %s that is not the stored one', wp_get_current_user()->user_login, $from ) );
		}
		return $result;
	}
}

/**
 * The tests. Each has a row under its key before the first packet is sent, and only who made the row sends: so a key
 * reaches a mail server at most once, whatever is repeated, races or crashes.
 */
final class Tests {
	private const PREFIX = 'site_smtp_test_';
	private const RATE   = 'site_smtp_rate';

	/** How many test messages may be sent at once, and in how many seconds one more. */
	private const BURST = 20;
	private const EVERY = 10;

	/** How many seconds a result can be read. */
	private const KEEP = 86400;

	/**
	 * After how many seconds a test that still runs was abandoned. That is longer than a test can take, and no lock of
	 * the database tells it sooner: those are not there in clusters and end with a connection that was idle for long.
	 */
	private const ABANDONED = 90;

	/** More than the rate allows in the time for which a pass counts. */
	private const RECENT = 400;

	/**
	 * Makes the test of that key, or returns it when there is one.
	 *
	 * @param array{settings: ?Settings, password: ?Secret, recipient: string} $request without settings, of what is saved.
	 */
	public static function put( string $key, array $request ): array {
		[ 'settings' => $settings, 'password' => $password, 'recipient' => $recipient ] = $request;
		if ( null !== $settings ) {
			Check::candidate( $settings, $password );
			if ( '' !== $settings->username && null === $password ) {
				throw Site::password_required( 'The password must come with the settings to test: a stored password is only used where it was entered for.' );
			}
		}
		Check::recipient( $recipient );
		$body  = array( 'test', Site::id(), $settings?->values(), $password?->reveal(), $recipient );
		$known = Store::get( self::PREFIX . $key );
		if ( null === $known ) {
			[ $settings, $password ] = null === $settings ? self::saved() : array( $settings, $password );
			Limit::take( self::RATE, self::BURST, self::EVERY, 'Too many test messages: the next may be sent' );
			self::forget();
			$row = wp_json_encode(
				array(
					'mark'    => Keys::mark( $body ),
					'started' => microtime( true ),
					'passed'  => null,
					'test'    => self::running( $key, $recipient ),
				)
			);
			if ( function_exists( 'set_time_limit' ) ) {
				// On Windows, time counts that is spent waiting.
				set_time_limit( self::ABANDONED );
			}
			if ( Store::add( self::PREFIX . $key, $row ) ) {
				return self::finish( $key, $row, ( new Attempt( $settings, $password, $recipient ) )->run(), $settings, $password );
			}
			$known = (string) Store::get( self::PREFIX . $key );
		}
		$mark = json_decode( $known, true, 8, JSON_THROW_ON_ERROR )['mark'];
		if ( ! Guesses::judge( $password, static fn (): bool => Keys::matches( $mark, $body ) ) ) {
			throw new Problem( 'key_reused', 'This key was used with another body.' );
		}
		return self::get( $key );
	}

	/** The test of that key as far as it is known. */
	public static function get( string $key ): array {
		$row = Store::get( self::PREFIX . $key );
		if ( null === $row ) {
			throw new Problem( 'not_found', 'No test was recorded under this key.' );
		}
		$stored = json_decode( $row, true, 8, JSON_THROW_ON_ERROR );
		if ( 'running' !== $stored['test']['status'] || microtime( true ) < $stored['started'] + self::ABANDONED ) {
			return $stored['test'];
		}
		$doubt = array(
			'status'    => 'in_doubt',
			'error'     => 'the site stopped, or could not store the outcome, while this test was running',
			'tested_at' => now(),
		);
		return self::finish( $key, $row, $doubt );
	}

	/** @return ?array the verification of the newest pass of exactly these settings and this password. */
	public static function newest_pass( Settings $settings, ?Secret $password ): ?array {
		$tested = Record::of_test( $settings, $password );
		foreach ( self::recent() as $stored ) {
			$pass = self::verification( $stored['test'] );
			if ( null !== $stored['passed'] && Keys::matches( $stored['passed'], array( $tested, $pass ) ) ) {
				return $pass;
			}
		}
		return null;
	}

	/** Whether these settings have passed, with whatever password. */
	public static function have_passed( Settings $settings ): bool {
		foreach ( self::recent() as $stored ) {
			if ( null !== $stored['passed'] && Keys::matches( $stored['settings'] ?? '', self::of_settings( $settings ) ) ) {
				return true;
			}
		}
		return false;
	}

	/** @return iterable<array> what is stored of the tests, the newest first. */
	private static function recent(): iterable {
		foreach ( Store::all( self::PREFIX, true, self::RECENT ) as $row ) {
			yield json_decode( $row, true, 8, JSON_THROW_ON_ERROR );
		}
	}

	/** What is kept of a passed test. The pass is marked with all of it, so that no member can be changed in the row. */
	private static function verification( array $test ): array {
		return array(
			'tested_at'  => $test['tested_at'],
			'recipient'  => $test['recipient'],
			'reply'      => trim( preg_replace( '/\s+/', ' ', implode( ' ', $test['reply'] ?? array() ) ) ),
			'message_id' => $test['message_id'],
		);
	}

	private static function of_settings( Settings $settings ): array {
		return array( 'settings', Site::id(), $settings->values() );
	}

	/** Stores how a test ended. Whoever comes first decides: a test that was called abandoned stays in doubt. */
	private static function finish( string $key, string $row, array $result, ?Settings $settings = null, ?Secret $password = null ): array {
		$stored         = json_decode( $row, true, 8, JSON_THROW_ON_ERROR );
		$stored['test'] = array_merge( $stored['test'], $result );
		if ( 'passed' === $result['status'] ) {
			$stored['settings'] = Keys::mark( self::of_settings( $settings ) );
			$stored['passed']   = Keys::mark( array( Record::of_test( $settings, $password ), self::verification( $stored['test'] ) ) );
		}
		try {
			return Store::swap( self::PREFIX . $key, $row, wp_json_encode( $stored ) ) ? $stored['test'] : self::get( $key );
		} catch ( Problem ) {
			// Not as if nothing had been done: a message may have been sent, and the key is to be asked for.
			throw new Problem( 'internal', 'The site could not store how the test ended.' );
		}
	}

	private static function running( string $key, string $recipient ): array {
		return array(
			'key'         => $key,
			'status'      => 'running',
			'stage'       => null,
			'reply'       => null,
			'error'       => null,
			'certificate' => null,
			'stages'      => array(),
			'recipient'   => $recipient,
			'message_id'  => null,
			'tested_at'   => null,
			'diagnosis'   => null,
		);
	}

	/** @return array{Settings, ?Secret} */
	private static function saved(): array {
		$record = Site::read()->readable();
		if ( ! $record->settings->is_configured() ) {
			throw new Problem( 'not_configured', 'There is nothing saved that could be tested.' );
		}
		if ( '' !== $record->settings->username && null === $record->password ) {
			throw Site::password_required( 'No password is stored for this username.' );
		}
		return array( $record->settings, $record->password );
	}

	/** Removes results that nobody will ask for any more, some at a time. */
	private static function forget(): void {
		foreach ( Store::all( self::PREFIX, false, 100 ) as $name => $row ) {
			if ( json_decode( $row, true, 8, JSON_THROW_ON_ERROR )['started'] > time() - self::KEEP ) {
				return;
			}
			Store::remove( $name );
		}
	}
}

/**
 * Declares Connection. WordPress loads PHPMailer only when it sends mail, so what extends it cannot be declared when
 * this file is loaded.
 */
function load_connection(): void {
	if ( class_exists( Connection::class, false ) ) {
		return;
	}
	require_once ABSPATH . WPINC . '/PHPMailer/PHPMailer.php';
	require_once ABSPATH . WPINC . '/PHPMailer/SMTP.php';
	require_once ABSPATH . WPINC . '/PHPMailer/Exception.php';

	/**
	 * PHPMailer's SMTP client, made strict: it dials only addresses that are allowed, insists on STARTTLS and on a
	 * certificate for the host, sends a password only inside TLS or to this machine, and reads replies within bounds.
	 * Tests and the site's own mail both go through it, so that what passed a test is what mail does.
	 */
	final class Connection extends SMTP {
		private const MAX_REPLY_BYTES = 65536;
		private const CONNECT_SECONDS = 10;

		/** How long a reply is waited for in a test; and in any case the one to QUIT, which changes nothing. */
		private const REPLY_SECONDS = array(
			'banner' => 15,
			'data'   => 30,
			'quit'   => 3,
		);

		/** The stage that the connection is in. */
		public string $stage = '';

		/** @var list<array{stage: string, milliseconds: int}> the stages that were passed. */
		public array $stages = array();

		/** What went wrong, unless a reply of the server says it. */
		public ?string $fault = null;

		/** What openssl_x509_parse says of the server's certificate. */
		public ?array $certificate = null;

		/** Whether the server may have the whole message. */
		public bool $handed_over = false;

		private string $address      = '';
		private string $unread       = '';
		private bool $encrypted      = false;
		private float $stage_started = 0;

		/**
		 * @param ?float $deadline the time at which a test ends; null for mail, which waits as long as PHPMailer does.
		 * @param bool   $verify   false takes any certificate, to look at it.
		 */
		public function __construct(
			private readonly Settings $settings,
			private readonly ?Secret $password,
			private readonly ?float $deadline = null,
			private readonly bool $verify = true,
		) {}

		/** Connects, secures the connection and logs in, in the steps in which PHPMailer does it for mail. */
		public function open(): bool {
			$name = $this->settings->greeting_name();
			return $this->connect( '' )
				&& $this->hello( $name )
				&& ( 'starttls' !== $this->settings->encryption || ( $this->startTLS() && $this->hello( $name ) ) )
				&& ( null === $this->password || $this->authenticate( '', '' ) );
		}

		/** Notes that the present stage was passed. */
		public function pass(): void {
			$this->stages[] = array(
				'stage'        => $this->stage,
				'milliseconds' => (int) round( ( microtime( true ) - $this->stage_started ) * 1000 ),
			);
		}

		/** HELO is for servers that do not know EHLO (RFC 5321 section 3.2), not for those that refuse it. */
		public function hello( $host = '' ) {
			$this->enter( 'ehlo' );
			return $this->sendHello( 'EHLO', $host )
				|| ( preg_match( '/^50[02]/', $this->last_reply ) && $this->sendHello( 'HELO', $host ) );
		}

		/** What the server offers; its keywords may have any case (RFC 5321 section 4.1.1.1). */
		protected function parseHelloFields( $type ) {
			$this->server_caps = array( $type => true );
			foreach ( array_slice( explode( "\n", $this->helo_rply ), 1 ) as $line ) {
				// Before RFC 2554 servers wrote AUTH=LOGIN, and some still do.
				$words   = preg_split( '/[\s=]+/', strtoupper( substr( $line, 4 ) ), -1, PREG_SPLIT_NO_EMPTY );
				$keyword = array_shift( $words );
				if ( null !== $keyword ) {
					$this->server_caps[ $keyword ] = array_merge( $this->server_caps[ $keyword ] ?? array(), $words );
				}
			}
		}

		public function startTLS() {
			$this->enter( 'starttls' );
			if ( ! isset( $this->server_caps['STARTTLS'] ) ) {
				// A missing offer may be the work of somebody on the way (RFC 3207 section 6).
				return $this->fail( "server doesn't support STARTTLS" );
			}
			if ( ! $this->sendCommand( 'STARTTLS', 'STARTTLS', 220 ) ) {
				return false;
			}
			if ( '' !== $this->unread || stream_get_meta_data( $this->smtp_conn )['unread_bytes'] > 0 ) {
				// It would be taken for what came inside TLS (CVE-2011-0411).
				return $this->fail( 'data arrived before TLS: somebody on the way may have injected it' );
			}
			return $this->secure( $this->smtp_conn );
		}

		/** Logs in once. PHPMailer does not get to know the password: the connection has its own. */
		public function authenticate( $username, $password, $authtype = null, $OAuth = null ) {
			$this->enter( 'auth' );
			if ( ! $this->encrypted && ! Networks::contain( Networks::LOOPBACK, $this->address ) ) {
				return $this->fail( "refusing to send the password over an unencrypted connection to {$this->settings->host}" );
			}
			$offered = $this->server_caps['AUTH'] ?? array();
			$chosen  = current( array_intersect( array( 'PLAIN', 'LOGIN', 'CRAM-MD5' ), $offered ) );
			if ( false === $chosen ) {
				$only = implode( ' ', $offered );
				return $this->fail( '' === $only ? "server doesn't support AUTH" : "server offers no login with a password, only $only" );
			}
			return parent::authenticate( $this->settings->username, $this->password->reveal(), $chosen );
		}

		public function mail( $from ) {
			$this->enter( 'mail' );
			return parent::mail( $from );
		}

		public function recipient( $address, $dsn = '' ) {
			$this->enter( 'rcpt' );
			return parent::recipient( $address, $dsn );
		}

		public function data( $msg_data ) {
			$this->enter( 'data' );
			return parent::data( $msg_data );
		}

		/** What happens to QUIT is not part of how it went; PHPMailer also says it after a greeting that refuses. */
		public function quit( $close_on_error = true ) {
			$before      = array( $this->stage, $this->last_reply, $this->fault );
			$this->stage = 'quit';
			$ok          = parent::quit( $close_on_error );

			[ $this->stage, $this->last_reply, $this->fault ] = $before;
			return $ok;
		}

		public function client_send( $data, $command = '' ) {
			$this->handed_over = $this->handed_over || 'DATA END' === $command;
			return is_resource( $this->smtp_conn ) ? parent::client_send( $data, $command ) : false;
		}

		/** Connects to where the settings say, whatever PHPMailer was told. */
		protected function getSMTPConnection( $host, $port = null, $timeout = 30, $options = array() ) {
			$conn = $this->dial( $this->settings->host, $this->settings->port );
			if ( false === $conn ) {
				return false;
			}
			if ( 'tls' === $this->settings->encryption && ! $this->secure( $conn ) ) {
				fclose( $conn );
				return false;
			}
			$this->enter( 'banner' );
			return $conn;
		}

		/** Reads one reply, all of its lines. After a fault there is none and the connection is closed. */
		protected function get_lines() {
			$seconds = self::REPLY_SECONDS[ $this->stage ] ?? 10;
			if ( null === $this->deadline && 'quit' !== $this->stage ) {
				$seconds = $this->Timelimit;
			}
			$until = min( microtime( true ) + $seconds, $this->deadline ?? INF );
			$reply = '';
			while ( is_resource( $this->smtp_conn ) ) {
				while ( preg_match( '/^(.*)\n/', $this->unread, $line ) ) {
					$this->unread = substr( $this->unread, strlen( $line[0] ) );
					$reply       .= $line[0];
					if ( ! preg_match( '/^[2-5]\d{2}([ \r-]|$)/', $line[1] ) ) {
						$this->fail( 'invalid response code: not a mail server' );
						return '';
					}
					if ( '-' !== substr( $line[1], 3, 1 ) ) {
						return $reply;
					}
				}
				$this->read_until( $until, strlen( $reply ) );
			}
			return '';
		}

		private function read_until( float $until, int $had ): void {
			$left = $until - microtime( true );
			if ( $left <= 0 ) {
				$this->fail( 'i/o timeout' );
				return;
			}
			stream_set_timeout( $this->smtp_conn, (int) $left, (int) ( fmod( $left, 1 ) * 1e6 ) );
			// A reset connection is a notice to PHP, and the end of the stream to us.
			$chunk         = (string) @fread( $this->smtp_conn, 8192 );
			$this->unread .= $chunk;
			if ( '' === $chunk && feof( $this->smtp_conn ) ) {
				$this->fail( 'EOF' );
			} elseif ( preg_match( '/^[\x15\x16]\x03/', $this->unread ) && 'banner' === $this->stage ) {
				$this->fail( 'short response: "\\x15\\x03": the server speaks TLS from the beginning' );
			} elseif ( $had + strlen( $this->unread ) > self::MAX_REPLY_BYTES ) {
				$this->fail( 'server sent more data than allowed' );
			}
		}

		/** Connects to the first address of the host that answers. */
		private function dial( string $host, int $port ): mixed {
			$addresses = array( $host );
			if ( ! filter_var( $host, FILTER_VALIDATE_IP ) ) {
				$this->enter( 'dns' );
				$addresses = self::resolve( $host );
				if ( array() === $addresses ) {
					return $this->fail( "dial tcp: lookup $host: no such host" );
				}
			}
			$this->enter( 'connect' );
			$faults  = array();
			$seconds = max( 1, self::CONNECT_SECONDS / count( $addresses ) );
			foreach ( $addresses as $address ) {
				// What the resolver found is not said: it may know names that are not for the caller.
				$target = ( str_contains( $host, ':' ) ? "[$host]" : $host ) . ":$port";
				if ( ! Networks::allow( $address ) ) {
					$faults[] = "dial tcp $target: address is not public, "
						. 'and its network is not among those that this site allows in SITE_SMTP_ALLOW_NETWORKS';
					continue;
				}
				$conn = @stream_socket_client( 'tcp://' . ( str_contains( $address, ':' ) ? "[$address]" : $address ) . ":$port", $code, $text, $seconds, STREAM_CLIENT_CONNECT, $this->context( $host ) );
				if ( false !== $conn ) {
					$this->address = $address;
					return $conn;
				}
				$faults[] = "dial tcp $target: " . ( str_contains( $text, 'timed out' ) ? 'i/o timeout' : 'connect: ' . strtolower( $text ) );
			}
			return $this->fail( implode( '; ', array_unique( $faults ) ) );
		}

		/** @return string[] */
		private static function resolve( string $host ): array {
			$four = gethostbynamel( $host );
			$six  = @dns_get_record( $host, DNS_AAAA );
			return array_slice( array_merge( $four ? $four : array(), $six ? array_column( $six, 'ipv6' ) : array() ), 0, 8 );
		}

		private function context( string $host ) {
			return stream_context_create(
				array(
					'ssl' => array(
						'peer_name'         => rtrim( $host, '.' ),
						'verify_peer'       => $this->verify,
						'verify_peer_name'  => $this->verify,
						'capture_peer_cert' => true,
					),
				)
			);
		}

		/** The TLS handshake, implicit or behind STARTTLS. */
		private function secure( $conn ): bool {
			$this->enter( 'tls' );
			$said = '';
			set_error_handler(
				static function ( int $level, string $text ) use ( &$said ): bool {
					$said .= $text . ' ';
					return true;
				}
			);
			stream_set_timeout( $conn, self::CONNECT_SECONDS );
			$this->encrypted = true === stream_socket_enable_crypto( $conn, true, STREAM_CRYPTO_METHOD_TLSv1_2_CLIENT | STREAM_CRYPTO_METHOD_TLSv1_3_CLIENT );
			restore_error_handler();
			$certificate       = stream_context_get_options( $conn )['ssl']['peer_certificate'] ?? null;
			$this->certificate = null === $certificate ? null : openssl_x509_parse( $certificate );
			if ( $this->encrypted ) {
				return true;
			}
			$said = trim( preg_replace( '/\s+/', ' ', str_replace( 'stream_socket_enable_crypto(): ', '', $said ) ) );
			return $this->fail( '' === $said ? 'EOF' : "tls: $said" );
		}

		/** Passes the present stage and begins the next. */
		private function enter( string $stage ): void {
			if ( '' !== $this->stage ) {
				$this->pass();
			}
			$this->stage         = $stage;
			$this->stage_started = microtime( true );
		}

		private function fail( string $why ): bool {
			$this->fault ??= $why;
			$this->setError( $why );
			$this->close();
			return false;
		}
	}
}

/** Sends one test message through one connection, and says what became of it in the words of the contract. */
final class Attempt {
	private const SECONDS = 60;

	/** Gives no filter a reason: ASCII, no address of a page, nothing of the caller's choice. */
	private const BODY = "This is a test message.\n\nIt was sent to try out the outgoing mail settings of a site.\n"
		. "That it reached you means that they work; there is nothing to do.\n\nTest %s\n";

	private Connection $connection;
	private ?string $message_id = null;
	private readonly float $deadline;

	public function __construct( private readonly Settings $settings, private readonly ?Secret $password, private readonly string $recipient ) {
		load_connection();
		$this->deadline   = microtime( true ) + self::SECONDS;
		$this->connection = new Connection( $settings, $password, $this->deadline );
	}

	/** @return array<string, mixed> members of a test in the contract. */
	public function run(): array {
		$c = $this->connection;
		try {
			$sent = $this->send();
		} catch ( \Throwable $e ) {
			$sent       = false;
			$c->fault ??= 'the site made a mistake: ' . get_class( $e );
		}
		$fault  = $c->fault;
		$reply  = null === $fault ? $this->reply( $c->getLastReply() ) : null;
		$status = $this->status( $sent, $reply );
		if ( 'passed' === $status ) {
			$c->pass();
		}
		$result = array(
			'status'      => $status,
			'stage'       => '' === $c->stage ? null : $c->stage,
			'reply'       => $reply,
			'error'       => null === $fault ? null : $this->line( $fault ),
			'stages'      => $c->stages,
			'message_id'  => $this->message_id,
			'tested_at'   => now(),
		);
		if ( null === $fault ) {
			$c->quit();
		} elseif ( 'tls' === $c->stage && str_contains( $fault, 'ertificate' ) ) {
			$result = array_merge( $result, $this->refused_certificate() );
		}
		return $result;
	}

	private function send(): bool {
		$c = $this->connection;
		if ( ! $c->open() ) {
			return false;
		}
		$message          = $this->compose();
		$this->message_id = trim( $message->getLastMessageID(), '<>' );
		return $c->mail( $this->settings->from_address ) && $c->recipient( $this->recipient ) && $c->data( $message->getSentMIMEMessage() );
	}

	private function compose(): PHPMailer {
		$token             = bin2hex( random_bytes( 5 ) );
		$message           = new PHPMailer( true );
		$message->CharSet  = PHPMailer::CHARSET_UTF8;
		$message->Hostname = substr( strrchr( $this->settings->from_address, '@' ), 1 );
		$message->Subject  = "Test of the mail settings $token";
		$message->Body     = sprintf( self::BODY, $token );
		$message->setFrom( $this->settings->from_address, $this->settings->from_name, false );
		$message->addAddress( $this->recipient );
		// No vacation notices in return (RFC 3834 section 5).
		$message->addCustomHeader( 'Auto-Submitted', 'auto-generated' );
		$message->preSend();
		return $message;
	}

	/** Once the final dot is sent, only a reply tells whether the server took the message (RFC 5321 section 4.2.1). */
	private function status( bool $sent, ?array $reply ): string {
		$class = intdiv( $reply['code'] ?? 0, 100 );
		if ( $sent || ( $this->connection->handed_over && 2 === $class ) ) {
			return 'passed';
		}
		return $this->connection->handed_over && $class < 4 ? 'in_doubt' : 'failed';
	}

	/** The reply in parts: its code, its enhanced code (RFC 3463) and the text of all its lines. */
	private function reply( string $raw ): ?array {
		$code     = (int) substr( $raw, 0, 3 );
		$enhanced = '';
		$class    = substr( $raw, 0, 1 );
		$words    = array();
		foreach ( preg_split( '/\r?\n/', trim( $raw ) ) as $line ) {
			$line = substr( $line, 4 );
			if ( preg_match( "/^($class\\.\\d{1,3}\\.\\d{1,3})(?:[\\s:;,]+|$)/D", $line, $found ) ) {
				$enhanced = '' === $enhanced ? $found[1] : $enhanced;
				$line     = substr( $line, strlen( $found[0] ) );
			}
			$words[] = $line;
		}
		$text = implode( ' ', $words );
		if ( '' === $enhanced && preg_match( "/[(\\[#]($class\\.\\d{1,3}\\.\\d{1,3})(?:[\\s:;,)\\]]|$)/D", $text, $found ) ) {
			$enhanced = $found[1];
		}
		return $code < 200 ? null : array(
			'code'          => $code,
			'enhanced_code' => $enhanced,
			'text'          => $this->line( $text ),
		);
	}

	/** Why the certificate was refused, and what it says. PHP shows it only to who takes it, so it is fetched once more. */
	private function refused_certificate(): array {
		$look = new Connection( $this->settings, null, $this->deadline, false );
		$look->open();
		$look->close();
		$seen = $look->certificate;
		if ( null === $seen ) {
			return array();
		}
		$names  = preg_replace( '/(DNS|IP Address):/', '', $seen['extensions']['subjectAltName'] ?? '' );
		$issuer = array();
		foreach ( $seen['issuer'] as $key => $value ) {
			$issuer[] = "$key=" . implode( '+', (array) $value );
		}
		return array(
			'error'       => $this->line( 'tls: failed to verify certificate: x509: ' . $this->why_refused( $seen, $names ) ),
			'certificate' => array(
				'names'     => array_map( $this->line( ... ), preg_split( '/,\s*/', $names, -1, PREG_SPLIT_NO_EMPTY ) ),
				'issuer'    => $this->line( implode( ', ', $issuer ) ),
				'not_after' => gmdate( 'Y-m-d\TH:i:s\Z', $seen['validTo_time_t'] ),
			),
		);
	}

	/** In the words of Go, in which the provider's explanations know it: PHP says little more than that it was refused. */
	private function why_refused( array $seen, string $names ): string {
		$time = static fn ( int $time ): string => gmdate( 'Y-m-d\TH:i:s\Z', $time );
		$when = 'certificate has expired or is not yet valid: current time ' . $time( time() );
		return match ( true ) {
			time() > $seen['validTo_time_t']   => "$when is after " . $time( $seen['validTo_time_t'] ),
			time() < $seen['validFrom_time_t'] => "$when is before " . $time( $seen['validFrom_time_t'] ),
			str_contains( $this->connection->fault, 'did not match' ) => "certificate is valid for $names, not {$this->settings->host}",
			default                            => 'certificate signed by unknown authority',
		};
	}

	/** What came from outside as one printable line of bounded length, without the login that it may echo. */
	private function line( string $text ): string {
		$text = $this->redact( $text );
		// Replaces what is not UTF-8.
		$text = json_decode( wp_json_encode( $text, JSON_INVALID_UTF8_SUBSTITUTE ) );
		$text = preg_replace( array( '/\x1b\[[0-?]*[ -\/]*[@-~]/', '/\s+/u', '/\p{C}+/u' ), array( '', ' ', '' ), $text );
		// Again: what was dropped may have stood in the middle of a secret.
		return mb_substr( trim( $this->redact( $text ) ), 0, 2000 );
	}

	private function redact( string $text ): string {
		if ( null === $this->password ) {
			return $text;
		}
		$user     = $this->settings->username;
		$password = $this->password->reveal();
		$forms    = array( $password );
		foreach ( array( $user, $password, "\0$user\0$password" ) as $value ) {
			$forms[] = base64_encode( $value );
			$forms[] = rtrim( base64_encode( $value ), '=' );
		}
		if ( in_array( $this->connection->stage, array( 'rcpt', 'data' ), true ) ) {
			// The recipient may come back in the reply. Whether it was redacted would tell the caller whether he guessed right.
			$forms = array_filter( $forms, fn ( string $form ): bool => ! str_contains( $this->recipient, $form ) );
		}
		// The longest matches first.
		return strtr( $text, array_fill_keys( $forms, '***' ) );
	}
}

/** The site's own mail. */
final class Mail {
	/** What configure sets, and WordPress never resets, although it sends all mail of a process with one mailer. */
	private const LENT = array( 'Host', 'Port', 'SMTPSecure', 'SMTPAutoTLS', 'SMTPAuth', 'Username', 'Sender', 'Helo', 'SMTPDebug' );

	/** The record that the mail under way is sent with; null leaves it to WordPress. */
	private static ?Record $outgoing = null;

	/** @var ?\WeakMap<PHPMailer, array{SMTP, array<string, mixed>}> what mailers had before; null for a Sender that was as From. */
	private static ?\WeakMap $before = null;

	public static function register(): void {
		// After every other plugin: what was tested is what is used.
		add_filter( 'pre_wp_mail', array( self::class, 'before' ), PHP_INT_MAX, 2 );
		add_filter( 'wp_mail_from', array( self::class, 'from_address' ), PHP_INT_MAX );
		add_filter( 'wp_mail_from_name', array( self::class, 'from_name' ), PHP_INT_MAX );
		add_action( 'phpmailer_init', array( self::class, 'give_back' ), PHP_INT_MIN );
		add_action( 'phpmailer_init', array( self::class, 'configure' ), PHP_INT_MAX );
		add_action( 'admin_notices', array( self::class, 'notice' ) );
	}

	/** Configured and off means that no mail leaves, in particular none past the settings. */
	public static function before( mixed $handled, mixed $mail ): mixed {
		self::$outgoing = null;
		try {
			$record = Site::read();
		} catch ( \Throwable $e ) {
			return self::refuse( $mail, 'The mail settings could not be read: ' . get_class( $e ) );
		}
		if ( '' === $record->fault && ! $record->settings->is_configured() ) {
			return $handled;
		}
		if ( ! $record->enabled ) {
			return self::refuse( $mail, trim( 'Outgoing mail is off. ' . $record->fault ) );
		}
		self::$outgoing = $record;
		return $handled;
	}

	public static function from_address( mixed $address ): mixed {
		return self::$outgoing?->settings->from_address ?? $address;
	}

	/** Without a name in the settings it is WordPress', or that of the plugin that sends. */
	public static function from_name( mixed $name ): mixed {
		$ours = self::$outgoing?->settings->from_name ?? '';
		return '' === $ours ? $name : $ours;
	}

	/**
	 * Undoes what the mail before was configured with: this one may be of another site of the network, or of this one after
	 * it was cleared. Before every plugin, for one may configure mail that is not managed.
	 */
	public static function give_back( mixed $mailer ): void {
		if ( ! $mailer instanceof PHPMailer || ! isset( self::$before[ $mailer ] ) ) {
			return;
		}
		[ $connection, $settings ] = self::$before[ $mailer ];
		unset( self::$before[ $mailer ] );
		if ( $mailer->getSMTPInstance() instanceof Connection ) {
			$mailer->smtpClose();
			$mailer->setSMTPInstance( $connection );
		}
		foreach ( $settings as $name => $value ) {
			$mailer->$name = $value;
		}
		$mailer->Sender ??= $mailer->From;
	}

	/** What configure will change; nothing more where it has changed it already. */
	private static function remember( PHPMailer $mailer ): void {
		$settings = array_intersect_key( get_object_vars( $mailer ), array_flip( self::LENT ) );
		// Since 6.9 WordPress makes the Sender of From, and only where there is none.
		if ( in_array( $mailer->Sender, array( $mailer->From, self::$outgoing->settings->from_address ), true ) ) {
			$settings['Sender'] = null;
		}
		self::$before            ??= new \WeakMap();
		self::$before[ $mailer ] ??= array( $mailer->getSMTPInstance(), $settings );
	}

	/** PHPMailer keeps to the order of SMTP; where to and with which login, the connection knows. */
	public static function configure( mixed $mailer ): void {
		if ( null === self::$outgoing || ! $mailer instanceof PHPMailer ) {
			return;
		}
		load_connection();
		self::remember( $mailer );
		$s = self::$outgoing->settings;
		$mailer->isSMTP();
		$mailer->Host        = PHPMailer::isValidHost( $s->host ) ? $s->host : 'localhost';
		$mailer->Port        = $s->port;
		$mailer->SMTPSecure  = array( 'starttls' => 'tls', 'tls' => 'ssl', 'none' => '' )[ $s->encryption ];
		$mailer->SMTPAutoTLS = false;
		$mailer->SMTPAuth    = '' !== $s->username;
		$mailer->Username    = $s->username;
		// Again: a plugin may have set them after the filters above. WordPress sets both for each mail.
		$mailer->From        = $s->from_address;
		$mailer->FromName    = '' === $s->from_name ? $mailer->FromName : $s->from_name;
		$mailer->Sender      = $s->from_address;
		$mailer->Helo        = $s->greeting_name();
		$mailer->SMTPDebug   = SMTP::DEBUG_OFF;
		$mailer->setSMTPInstance( new Connection( $s, self::$outgoing->password ) );
	}

	public static function notice(): void {
		if ( ! current_user_can( 'manage_site_smtp' ) ) {
			return;
		}
		try {
			$record = Site::read();
		} catch ( \Throwable $e ) {
			self::show( 'error', 'Outgoing mail is off. The mail settings could not be read: ' . get_class( $e ) );
			return;
		}
		if ( '' !== $record->fault ) {
			self::show( 'error', 'Outgoing mail is off. ' . $record->fault . ' Save the mail settings again, with the password.' );
		} elseif ( $record->settings->is_configured() && ! $record->enabled ) {
			self::show( 'warning', 'Outgoing mail is off: this site sends no mail until its mail settings are enabled.' );
		}
	}

	private static function show( string $kind, string $text ): void {
		printf( '<div class="notice notice-%s"><p>%s</p></div>', esc_attr( $kind ), esc_html( $text ) );
	}

	/** The mail is not sent; plugins that log mail see why, and so does PHP's log. */
	private static function refuse( mixed $mail, string $why ): bool {
		error_log( "Site SMTP: a mail was not sent. $why" );
		do_action( 'wp_mail_failed', new \WP_Error( 'wp_mail_failed', $why, $mail ) );
		return false;
	}
}

/** What the site says of itself under Tools, Site Health. */
final class Health {
	public static function register(): void {
		add_filter( 'site_status_tests', array( self::class, 'tests' ) );
	}

	public static function tests( array $tests ): array {
		$tests['direct']['site_smtp_keys'] = array(
			'label' => 'Keys of the stored mail password',
			'test'  => array( self::class, 'keys' ),
		);
		return $tests;
	}

	/** Whether the keys would protect the mail password in a copy of the database. */
	public static function keys(): array {
		if ( Keys::are_in_database() ) {
			$text = 'The keys that protect the mail password are in the database, beside it. Set AUTH_KEY and AUTH_SALT, or SITE_SMTP_KEY, in wp-config.php. '
				. 'Until then no new mail password is stored.';
			return self::result( 'site_smtp_keys', 'critical', 'The stored mail password is not protected', $text );
		}
		return self::result( 'site_smtp_keys', 'good', 'The stored mail password is protected', 'The keys that protect it are in wp-config.php.' );
	}

	private static function result( string $test, string $status, string $label, string $text ): array {
		return array(
			'label'       => $label,
			'status'      => $status,
			'badge'       => array(
				'label' => 'Mail',
				'color' => 'blue',
			),
			'description' => '<p>' . esc_html( $text ) . '</p>',
			'actions'     => '',
			'test'        => $test,
		);
	}
}

/** JSON as strict as the contract wants it: every member known, there once, and of its type. */
final class Json {
	/** @param array<string, string|array> $shape types by name, nested for objects; a name with ? may be absent. */
	public static function decode( string $text, array $shape ): array {
		try {
			$value = json_decode( $text, false, 8, JSON_THROW_ON_ERROR );
		} catch ( \JsonException ) {
			throw new Problem( 'malformed', 'The body is not JSON in UTF-8.' );
		}
		self::refuse_twins( $text );
		return self::fit( $value, $shape, 'body' );
	}

	/** PHP takes the last of two members of one name, and does not say that there were two. */
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

	private static function fit( mixed $value, string|array $type, string $name ): mixed {
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

/** The contract over HTTP, for users who may manage options. */
final class Api {
	private const SPACE    = 'site-smtp/v1';
	private const UUID     = '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}';
	private const MAX_BODY = 65536;

	/** The calls by path, as regular expressions, and method. */
	private const CALLS = array(
		'/site'                         => array( 'GET' => 'get_site' ),
		'/smtp'                         => array(
			'GET'    => 'get_smtp',
			'PUT'    => 'put_smtp',
			'DELETE' => 'delete_smtp',
		),
		'/smtp/tests/(?P<key>[^/]+)' => array(
			'GET' => 'get_test',
			'PUT' => 'put_test',
		),
		'/smtp/presets'                 => array( 'GET' => 'get_presets' ),
	);

	private const WRITE = array(
		'settings'  => Settings::SHAPE,
		'password?' => 'string',
		'enabled'   => 'boolean',
		'write_id'  => 'string',
		'site_id?'  => 'string',
	);

	private const TEST = array(
		'settings?' => Settings::SHAPE,
		'password?' => 'string',
		'recipient' => 'string',
		'site_id?'  => 'string',
	);

	/** The most common services; the provider knows many more. */
	private const PRESETS = array(
		array( 'amazon-ses', 'Amazon SES', 'email-smtp.us-east-1.amazonaws.com', 465, 'tls' ),
		array( 'brevo', 'Brevo', 'smtp-relay.brevo.com', 465, 'tls' ),
		array( 'fastmail', 'Fastmail', 'smtp.fastmail.com', 465, 'tls' ),
		array( 'gmail', 'Gmail', 'smtp.gmail.com', 465, 'tls' ),
		array( 'google-workspace', 'Google Workspace', 'smtp.gmail.com', 465, 'tls' ),
		array( 'icloud', 'Apple iCloud Mail', 'smtp.mail.me.com', 587, 'starttls' ),
		array( 'mailgun', 'Mailgun', 'smtp.mailgun.org', 587, 'starttls' ),
		array( 'mailjet', 'Mailjet', 'in-v3.mailjet.com', 587, 'starttls' ),
		array( 'microsoft365', 'Microsoft 365', 'smtp.office365.com', 587, 'starttls' ),
		array( 'postmark', 'Postmark', 'smtp.postmarkapp.com', 587, 'starttls' ),
		array( 'resend', 'Resend', 'smtp.resend.com', 465, 'tls' ),
		array( 'sendgrid', 'SendGrid', 'smtp.sendgrid.net', 587, 'starttls' ),
		array( 'zoho', 'Zoho Mail', 'smtp.zoho.com', 465, 'tls' ),
	);

	public static function register(): void {
		add_action( 'rest_api_init', array( self::class, 'routes' ) );
		add_filter( 'rest_post_dispatch', array( self::class, 'in_our_words' ), PHP_INT_MAX, 3 );
		add_filter( 'user_has_cap', array( self::class, 'lend' ) );
	}

	/** Who may manage options may manage this one; the capability by itself is for a user who may do nothing else. */
	public static function lend( array $capabilities ): array {
		return ( empty( $capabilities['manage_options'] ) ? array() : array( 'manage_site_smtp' => true ) ) + $capabilities;
	}

	public static function routes(): void {
		foreach ( self::CALLS as $path => $calls ) {
			register_rest_route(
				self::SPACE,
				$path,
				array(
					// Those of other methods are answered with 405, where WordPress would say that there is nothing.
					'methods'             => \WP_REST_Server::ALLMETHODS,
					'permission_callback' => array( self::class, 'may' ),
					'callback'            => static fn ( \WP_REST_Request $request ): \WP_REST_Response => self::serve( $request, $calls ),
				)
			);
		}
	}

	public static function may(): bool|\WP_Error {
		$refusal = 'The call needs the name and an Application Password of a user who may manage options, or has the capability manage_site_smtp.';
		return current_user_can( 'manage_site_smtp' ) ? true : new \WP_Error( 'unauthorized', $refusal, array( 'status' => 401 ) );
	}

	/** Below our namespace, what WordPress or another plugin refuses is a problem document too. */
	public static function in_our_words( mixed $response, mixed $server, mixed $request ): mixed {
		if ( ! $response instanceof \WP_REST_Response || ! str_starts_with( $request->get_route(), '/' . self::SPACE . '/' ) ) {
			return $response;
		}
		if ( $response->get_status() >= 400 && 'application/problem+json' !== ( $response->get_headers()['Content-Type'] ?? '' ) ) {
			$said     = $response->get_data();
			$detail   = wp_strip_all_tags( (string) ( $said['message'] ?? '' ) );
			$response = Problem::of_status( $response->get_status(), $detail )->response();
		}
		foreach ( self::CALLS as $path => $calls ) {
			if ( preg_match( '#^/' . self::SPACE . "$path$#D", $request->get_route() ) ) {
				$response->header( 'Allow', implode( ', ', array_keys( $calls ) ) );
			}
		}
		return $response;
	}

	/** @param array<string, string> $calls by method. */
	private static function serve( \WP_REST_Request $request, array $calls ): \WP_REST_Response {
		$method = 'HEAD' === $request->get_method() ? 'GET' : $request->get_method();
		try {
			if ( ! isset( $calls[ $method ] ) ) {
				throw new Problem( 'method_not_allowed', 'This address takes only ' . implode( ', ', array_keys( $calls ) ) . '.' );
			}
			return self::{ $calls[ $method ] }( $request );
		} catch ( Problem $problem ) {
			return $problem->response();
		} catch ( \Throwable $e ) {
			// Where, but not what: the message may hold anything.
			error_log( sprintf( 'Site SMTP: %s in line %d', get_class( $e ), $e->getLine() ) );
			return ( new Problem( 'internal', 'The site made a mistake; its log says where.' ) )->response();
		}
	}

	private static function get_site(): \WP_REST_Response {
		return new \WP_REST_Response(
			array(
				'site_id'     => Site::id(),
				'name'        => wp_specialchars_decode( get_bloginfo( 'name' ), ENT_QUOTES ),
				'product'     => 'WordPress ' . get_bloginfo( 'version' ),
				'api_version' => Site::API_VERSION,
			)
		);
	}

	private static function get_smtp(): \WP_REST_Response {
		return self::smtp( Site::read()->readable() );
	}

	private static function put_smtp( \WP_REST_Request $request ): \WP_REST_Response {
		$revision = self::if_match( $request );
		$body     = self::body( $request, self::WRITE );
		if ( ! preg_match( '/^' . self::UUID . '$/D', $body['write_id'] ) ) {
			throw Problem::of_field( 'write_id', 'must be a UUID' );
		}
		return self::smtp( Site::save( $body, $revision, self::user() ) );
	}

	private static function delete_smtp( \WP_REST_Request $request ): \WP_REST_Response {
		return self::smtp( Site::clear( self::if_match( $request ), self::user() ) );
	}

	private static function get_test( \WP_REST_Request $request ): \WP_REST_Response {
		return self::test( Tests::get( strtolower( $request['key'] ) ) );
	}

	private static function put_test( \WP_REST_Request $request ): \WP_REST_Response {
		if ( ! preg_match( '/^' . self::UUID . '$/D', $request['key'] ) ) {
			throw new Problem( 'malformed', 'The key of a test must be a UUID.' );
		}
		$body = self::body( $request, self::TEST );
		if ( null === $body['settings'] && null !== $body['password'] ) {
			throw Problem::of_field( 'password', 'must not come without settings' );
		}
		return self::test( Tests::put( strtolower( $request['key'] ), $body ) );
	}

	private static function get_presets(): \WP_REST_Response {
		$named = static fn ( array $preset ): array => array_combine( array( 'id', 'name', 'host', 'port', 'encryption' ), $preset );
		return new \WP_REST_Response( array( 'presets' => array_map( $named, self::PRESETS ) ) );
	}

	private static function smtp( Record $r ): \WP_REST_Response {
		$document = array(
			'site_id'       => Site::id(),
			'api_version'   => Site::API_VERSION,
			'settings'      => $r->settings->values(),
			'enabled'       => $r->enabled,
			'revision'      => (string) $r->revision,
			'updated_at'    => $r->updated_at,
			'updated_by'    => $r->updated_by,
			'last_write_id' => $r->last_write['id'] ?? null,
			'password_set'  => null !== $r->password,
			'password_id'   => $r->password_id,
			'verification'  => $r->verification,
		);
		return new \WP_REST_Response( $document, 200, array( 'ETag' => "\"$r->revision\"" ) );
	}

	private static function test( array $test ): \WP_REST_Response {
		return 'running' === $test['status']
			? new \WP_REST_Response( $test, 202, array( 'Retry-After' => '1' ) )
			: new \WP_REST_Response( $test );
	}

	/** @return array<string, mixed> by the names of the shape without ?, null for what is absent. */
	private static function body( \WP_REST_Request $request, array $shape ): array {
		if ( 'application/json' !== ( $request->get_content_type()['value'] ?? '' ) || null !== $request->get_header( 'Content-Encoding' ) ) {
			throw new Problem( 'unsupported_media_type', 'The body must be application/json, and not compressed.' );
		}
		if ( strlen( $request->get_body() ) > self::MAX_BODY ) {
			throw new Problem( 'too_large', 'The body is larger than 64 KiB.' );
		}
		$body = Json::decode( $request->get_body(), $shape ) + array(
			'settings' => null,
			'password' => null,
			'site_id'  => null,
		);
		if ( '' === $body['site_id'] ) {
			throw new Problem( 'malformed', 'site_id must not be empty.' );
		}
		if ( null !== $body['site_id'] && Site::id() !== $body['site_id'] ) {
			throw new Problem( 'wrong_site', 'The request is for another site than the one that answers.' );
		}
		$body['settings'] = null === $body['settings'] ? null : new Settings( ...$body['settings'] );
		$body['password'] = null === $body['password'] ? null : new Secret( $body['password'] );
		return $body;
	}

	/** The revision in If-Match; proxies weaken the tag, and that changes nothing. */
	private static function if_match( \WP_REST_Request $request ): string {
		$tag = $request->get_header( 'If-Match' );
		if ( null === $tag ) {
			throw new Problem( 'precondition_required', 'The call needs an If-Match header with the revision that was read.' );
		}
		if ( ! preg_match( '#^(?:W/)?"([^"]*)"$#D', $tag, $parts ) ) {
			throw new Problem( 'malformed', 'The If-Match header must hold one revision in double quotes.' );
		}
		return $parts[1];
	}

	private static function user(): string {
		return wp_get_current_user()->user_login;
	}
}

Mail::register();
Health::register();
Api::register();
