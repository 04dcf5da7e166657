<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** The mail settings: everything that decides how mail leaves the site, except the password. */
final class Settings {
	/** Every setting, with its type in JSON. A name with ? was added later: a request may omit it, and while empty it is no part of a mark. */
	public const SHAPE = array(
		'host'         => 'string',
		'port'         => 'integer',
		'encryption'   => 'string',
		'username'     => 'string',
		'from_address' => 'string',
		'from_name'    => 'string',
		'helo_name'    => 'string',
		'reply_to?'    => 'string',
		'grant?'       => 'string',
		'token_url?'   => 'string',
		'client_id?'   => 'string',
		'scopes?'      => 'string',
	);

	/** The values of grant, which is empty for a login with a password. */
	public const GRANTS = array( 'client_credentials', 'refresh_token', 'jwt_bearer' );

	public string $host         = '';
	public int $port            = 0;
	public string $encryption   = '';
	public string $username     = '';
	public string $from_address = '';
	public string $from_name    = '';
	public string $helo_name    = '';
	public string $reply_to     = '';
	public string $grant        = '';
	public string $token_url    = '';
	public string $client_id    = '';
	public string $scopes       = '';

	/**
	 * Settings with the given values; the others are empty.
	 *
	 * @param array<string, string|int> $values by name. An unknown name or another type is an error.
	 */
	public static function of( array $values ): self {
		$s = new self();
		if ( array() !== array_diff_key( $values, $s->values() ) ) {
			throw new \UnexpectedValueException();
		}
		foreach ( $values as $name => $value ) {
			$s->$name = $value;
		}
		return $s;
	}

	public function is_configured(): bool {
		return '' !== $this->host;
	}

	/** @return array<string, string|int> by name. */
	public function values(): array {
		return get_object_vars( $this );
	}

	/** @return array<string, string|int> what marks and seals cover. Settings that were added later are left out while they are empty, so that older marks and seals stay valid. */
	public function marked(): array {
		$unset = static fn ( $value, string $name ): bool => '' === $value && isset( self::SHAPE[ "$name?" ] );
		return array_filter( $this->values(), static fn ( $value, string $name ): bool => ! $unset( $value, $name ), ARRAY_FILTER_USE_BOTH );
	}

	/** @return string[] the names of the settings that differ. */
	public function diff( self $other ): array {
		return array_keys( array_diff_assoc( $this->values(), $other->values() ) );
	}

	/** The name for EHLO: the site's own, or an address literal (RFC 5321 section 4.1.3). */
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
