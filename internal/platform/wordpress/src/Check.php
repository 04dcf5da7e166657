<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** Refuses values that no site may hold. */
final class Check {
	private const NAME   = '/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/iD';
	private const HOST   = '/^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/iD';
	private const NUMBER = '/(^|\.)([0-9]+|0x[0-9a-f]*)$/iD';

	/** In bytes: of a refresh token, of its client secret, and of a private key. */
	private const LONGEST_TOKEN = 8192;

	public static function candidate( Settings $s, ?Secret $password ): void {
		$faults = array(
			'host'         => self::length( $s->host, 253 ) ?? self::host( $s->host ),
			'port'         => $s->port < 1 || $s->port > 65535 ? 'must be from 1 to 65535' : null,
			'encryption'   => self::encryption( $s ),
			'username'     => self::length( $s->username, 255 ) ?? self::controls( $s->username ) ?? self::directions( $s->username )
				?? ( '' === $s->username && '' !== $s->grant ? 'is missing: a login with a token needs the mailbox' : null ),
			'from_address' => self::address( $s->from_address ),
			'from_name'    => self::length( $s->from_name, 255 ) ?? self::from_name( $s->from_name ),
			'helo_name'    => self::length( $s->helo_name, 255 ) ?? self::helo_name( $s->helo_name ),
			'reply_to'     => '' === $s->reply_to ? null : self::address( $s->reply_to ),
		) + self::login( $s ) + array(
			'client_secret' => self::client_secret( $s, $password ),
			'password'      => self::password( $s, $password ),
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
		return mb_strlen( $value ) > $longest ? "must have at most $longest characters" : null;
	}

	private static function controls( string $value ): ?string {
		return preg_match( '/\p{Cc}/u', $value ) ? 'must not contain control characters' : null;
	}

	/** They let a name look like another one. */
	private static function directions( string $value ): ?string {
		return preg_match( '/[\x{061C}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}]/u', $value ) ? 'must not contain characters that change the direction of text' : null;
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
			? 'must not be none, except to a loopback address: the password would be sent in clear text' : null;
	}

	/** What WordPress sends from and to, which is ASCII only, and nothing that could leave the angle brackets of SMTP. */
	private static function address( string $address ): ?string {
		return strlen( $address ) <= 254 && preg_match( '/^[!-~]+$/D', $address ) && ! strpbrk( $address, '<>"()[]\\,;:' )
			&& is_email( $address ) && filter_var( $address, FILTER_VALIDATE_EMAIL )
			? null : 'must be a plain mail address such as name@example.com';
	}

	/** @return array<string, ?string> faults of a login with a token; one with a password has none of these settings. */
	private static function login( Settings $s ): array {
		if ( '' === $s->grant ) {
			return array( 'grant' => '' === $s->token_url . $s->client_id . $s->scopes ? null : 'is missing, but there are settings for a login with a token' );
		}
		$scopes = explode( ' ', $s->scopes );
		sort( $scopes, SORT_STRING );
		$sorted = '' === $s->scopes || ( ! in_array( '', $scopes, true ) && implode( ' ', $scopes ) === $s->scopes );
		return array(
			'grant'     => in_array( $s->grant, Settings::GRANTS, true )
				? null : 'must be one of ' . implode( ', ', Settings::GRANTS ) . ', or empty for a login with a password',
			'token_url' => TokenEndpoint::fault( $s->token_url ),
			'client_id' => preg_match( '/^[ -~]{1,255}$/D', $s->client_id ) ? null : 'must be the application\'s id, of at most 255 visible ASCII characters',
			'scopes'    => $sorted && strlen( $s->scopes ) <= 1024 && preg_match( '/^[ !#-\[\]-~]*$/D', $s->scopes )
				? null : 'must be scopes of visible ASCII characters, sorted, with single spaces between them, of at most 1024 bytes',
		);
	}

	private static function from_name( string $name ): ?string {
		return self::controls( $name ) ?? self::directions( $name ) ?? ( strpbrk( $name, '<>' ) ? 'must be the display name alone, without the address in angle brackets' : null );
	}

	/** A domain name, or an address literal (RFC 5321 section 4.1.1.1). */
	private static function helo_name( string $name ): ?string {
		$literal = preg_match( '/^\[(IPv6:)?(.*)\]$/D', $name, $parts )
			&& filter_var( $parts[2], FILTER_VALIDATE_IP, '' === $parts[1] ? FILTER_FLAG_IPV4 : FILTER_FLAG_IPV6 );
		return '' === $name || $literal || ( strlen( $name ) <= 253 && preg_match( self::NAME, $name ) )
			? null : 'must be a domain name of letters, digits, dots and hyphens, or an address literal such as [192.0.2.1]';
	}

	private static function client_secret( Settings $s, ?Secret $password ): ?string {
		return 'refresh_token' === $s->grant || null === $password || '' === $password->parts()[1]
			? null : 'is only for the grant refresh_token; with client_credentials, the client secret is the password';
	}

	private static function password( Settings $s, ?Secret $password ): ?string {
		if ( null === $password ) {
			return null;
		}
		[ $value, $beside ] = $password->parts();
		if ( '' === $value ) {
			return 'must not be empty: leave it out to keep the stored one';
		}
		if ( '' === $s->username ) {
			return 'must not come without a username';
		}
		if ( preg_match( '/^[*•●]+$/Du', $value ) || preg_match( '/^[*•●]+$/Du', $beside ) ) {
			return 'must be the password itself, not a mask';
		}
		if ( Keys::are_in_database() ) {
			return 'cannot be stored safely: the keys that would protect it are in the database. '
				. 'Set AUTH_KEY and AUTH_SALT, or SITE_SMTP_KEY, in wp-config.php';
		}
		if ( 'jwt_bearer' === $s->grant ) {
			return self::length( $value, self::LONGEST_TOKEN ) ?? Assertion::fault( $password );
		}
		$longest = 'refresh_token' === $s->grant ? self::LONGEST_TOKEN : 1024;
		return self::length( $value, $longest ) ?? self::length( $beside, $longest ) ?? self::controls( $value . $beside );
	}
}
