<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * Obtains the access tokens of a login by OAuth 2.0 (RFC 6749 sections 4.4 and 6, RFC 7523). Not with WordPress' HTTP functions: those
 * cannot be kept to the address that was judged, and show the client secret to every plugin that logs requests.
 */
final class TokenEndpoint {
	private const ROW       = 'site_smtp_access_token';
	private const SECONDS   = 10;
	private const MAX_BYTES = 65536;

	/** Keeps the base64 of a token inside the longest line of AUTH, 12,288 octets (RFC 4954 section 4). */
	private const MAX_TOKEN = 8192;

	/** The parameters of a request that are secret. */
	private const SECRETS = array( 'client_secret', 'refresh_token', 'assertion' );

	/** How many seconds before it expires a token is no longer used. */
	private const MARGIN = 300;

	/** @var string[] the secrets that were sent in this request of the site. */
	private static array $sent = array();

	/** The token that was kept, if it still serves. */
	public static function kept( Settings $settings, Secret $secret ): ?Secret {
		$stored = json_decode( (string) Store::get( self::ROW ), true, 8 );
		if ( ! is_int( $stored['until'] ?? null ) || $stored['until'] - self::MARGIN < time() ) {
			return null;
		}
		return Keys::open( (string) ( $stored['sealed'] ?? '' ), self::belonging( $settings, $secret ) );
	}

	/**
	 * A new token.
	 *
	 * @param bool $keep whether to keep it, sealed, for mail to come.
	 * @throws \RuntimeException with what went wrong, in words of the endpoint that are not redacted yet.
	 */
	public static function fetch( Settings $settings, Secret $secret, bool $keep ): Secret {
		$ask    = static fn ( Secret $current ): array => self::ask( $settings, $current );
		$answer = 'refresh_token' === $settings->grant ? RefreshTokens::lend( $settings, $secret, $ask ) : $ask( $secret );
		$token  = new Secret( $answer['access_token'] );
		if ( $keep ) {
			$row = array(
				'until'  => time() + min( 86400, is_int( $answer['expires_in'] ?? null ) ? $answer['expires_in'] : 0 ),
				'sealed' => Keys::seal( $token, self::belonging( $settings, $secret ) ),
			);
			self::keep( wp_json_encode( $row ) );
		}
		return $token;
	}

	/** @return string[] the secrets that were sent to token endpoints, which an answer may repeat. */
	public static function sent(): array {
		return self::$sent;
	}

	/** @return array{access_token: string, refresh_token?: string, expires_in?: mixed} what the endpoint grants. */
	private static function ask( Settings $settings, Secret $secret ): array {
		$form       = self::form( $settings, $secret );
		self::$sent = array_unique( array_merge( self::$sent, array_values( array_intersect_key( $form, array_flip( self::SECRETS ) ) ) ) );
		$asked      = time();
		$response   = self::post( $settings->token_url, http_build_query( $form, '', '&' ) );
		try {
			return self::read( $response );
		} catch ( \RuntimeException $e ) {
			$clock = 'jwt_bearer' === $settings->grant ? Assertion::clock( $asked, $response[1] ) : '';
			throw new \RuntimeException( $e->getMessage() . $clock );
		}
	}

	/** @return array<string, string> the parameters of the request. Secrets go in the body, not in a header: a client that tries both sends a wrong secret twice. */
	private static function form( Settings $settings, Secret $secret ): array {
		if ( 'jwt_bearer' === $settings->grant ) {
			return array(
				'grant_type' => 'urn:ietf:params:oauth:grant-type:jwt-bearer',
				'assertion'  => Assertion::sign( $settings, $secret ),
			);
		}
		[ $granted, $beside ] = $secret->parts();
		$form                 = array(
			'grant_type' => $settings->grant,
			'client_id'  => $settings->client_id,
			'scope'      => $settings->scopes,
		);
		$form                += 'refresh_token' === $settings->grant ? array(
			'refresh_token' => $granted,
			'client_secret' => $beside,
		) : array( 'client_secret' => $granted );
		return array_filter( $form, static fn ( string $value ): bool => '' !== $value );
	}

	/** Where it cannot be kept, the next mail fetches one of its own. */
	private static function keep( string $row ): void {
		try {
			Store::change( self::ROW, static fn (): string => $row );
		} catch ( Problem $problem ) {
			error_log( 'Site SMTP: an access token could not be kept' );
		}
	}

	/** Forgets the token that was kept. */
	public static function forget(): void {
		Store::remove( self::ROW );
	}

	/** Why an address is not one of a token endpoint; null where it is. */
	public static function fault( string $address ): ?string {
		$url = wp_parse_url( $address );
		if ( ! is_array( $url ) || '' === ( $url['host'] ?? '' ) || strlen( $address ) > 2048 || ! preg_match( '/^[!-~]+$/D', $address ) ) {
			return 'must be an https URL of at most 2048 visible ASCII characters';
		}
		if ( isset( $url['user'] ) || isset( $url['pass'] ) ) {
			return 'must not hold a username or password';
		}
		if ( str_contains( $address, '#' ) ) {
			return 'must not have a fragment (RFC 6749 section 3.2)';
		}
		$scheme = strtolower( $url['scheme'] ?? '' );
		return 'https' === $scheme || ( 'http' === $scheme && Check::is_loopback( trim( $url['host'], '[]' ) ) )
			? null : 'must begin with https://: the client secret is sent there; http:// is for a loopback address only';
	}

	/** A token opens only for the settings and the client secret that it was fetched with. */
	private static function belonging( Settings $settings, Secret $secret ): array {
		return array( 'access token', Site::id(), $settings->marked(), $secret->reveal() );
	}

	/** @return array{int, string, string} status, head and body of the answer; a redirect is an answer like any other. */
	private static function post( string $address, string $form ): array {
		$until = microtime( true ) + self::SECONDS;
		$url   = wp_parse_url( $address );
		$tls   = 'https' === strtolower( $url['scheme'] );
		$host  = trim( $url['host'], '[]' );

		[ $conn, , $fault ] = Dialer::connect( $host, $url['port'] ?? ( $tls ? 443 : 80 ), Dialer::addresses( $host ) );
		$fault              = false !== $conn && $tls ? Dialer::encrypt( $conn, $until - microtime( true ) ) : $fault;
		if ( '' !== $fault ) {
			throw new \RuntimeException( $fault );
		}
		$path   = ( $url['path'] ?? '/' ) . ( isset( $url['query'] ) ? '?' . $url['query'] : '' );
		$fields = array(
			"POST $path HTTP/1.1",
			'Host: ' . $url['host'] . ( isset( $url['port'] ) ? ":{$url['port']}" : '' ),
			'Content-Type: application/x-www-form-urlencoded',
			'Content-Length: ' . strlen( $form ),
			'Accept: application/json',
			'Connection: close',
		);
		fwrite( $conn, implode( "\r\n", $fields ) . "\r\n\r\n$form" );
		$answer = '';
		while ( ! feof( $conn ) && strlen( $answer ) <= 2 * self::MAX_BYTES && ! self::is_whole( $answer ) ) {
			$left = $until - microtime( true );
			if ( $left <= 0 ) {
				fclose( $conn );
				throw new \RuntimeException( 'token endpoint: i/o timeout' );
			}
			stream_set_timeout( $conn, (int) $left, (int) ( fmod( $left, 1 ) * 1e6 ) );
			// A reset connection is a notice to PHP, and the end of the stream to us.
			$answer .= (string) @fread( $conn, 8192 );
		}
		fclose( $conn );
		[ $head, $body ] = explode( "\r\n\r\n", $answer, 2 ) + array( 1 => '' );
		if ( ! preg_match( '#^HTTP/1\.[01] (\d{3})#', $head, $status ) ) {
			throw new \RuntimeException( '' === $answer ? 'token endpoint: EOF' : 'token endpoint: not HTTP' );
		}
		return array( (int) $status[1], $head, preg_match( '/^Transfer-Encoding:\s*chunked\s*$/im', $head ) ? self::joined( $body ) : $body );
	}

	/** Whether all of an answer is there although the connection stays open. */
	private static function is_whole( string $answer ): bool {
		[ $head, $body ] = explode( "\r\n\r\n", $answer, 2 ) + array( 1 => null );
		return null !== $body && preg_match( '/^Content-Length:\s*(\d+)\s*$/im', $head, $length ) && strlen( $body ) >= (int) $length[1];
	}

	/** A body that came in chunks (RFC 9112 section 7.1). */
	private static function joined( string $chunks ): string {
		$body = '';
		while ( preg_match( '/^([0-9A-Fa-f]{1,6})[^\r\n]*\r\n/', $chunks, $size ) && 0 < hexdec( $size[1] ) ) {
			$length = (int) hexdec( $size[1] );
			$body  .= substr( $chunks, strlen( $size[0] ), $length );
			$chunks = substr( $chunks, strlen( $size[0] ) + $length + 2 );
		}
		return $body;
	}

	/** @return array{access_token: string, refresh_token?: string, expires_in?: mixed} what the endpoint granted. */
	private static function read( array $response ): array {
		[ $status, $head, $body ] = $response;
		$answer                   = strlen( $body ) > self::MAX_BYTES ? null : json_decode( $body, true, 8 );
		$fault                    = self::fault_of( $status, $head, $body, $answer );
		if ( '' !== $fault || 200 !== $status ) {
			throw new \RuntimeException( "token endpoint answered $status$fault" );
		}
		return $answer;
	}

	/** Why an answer grants nothing; empty where the status says it, or nothing is wrong. */
	private static function fault_of( int $status, string $head, string $body, mixed $answer ): string {
		if ( strlen( $body ) > self::MAX_BYTES ) {
			return ': more than ' . self::MAX_BYTES . ' bytes';
		}
		if ( 3 === intdiv( $status, 100 ) ) {
			return ': a redirect, which is not followed';
		}
		if ( ! is_array( $answer ) ) {
			return ': not the JSON of a token endpoint' . ( preg_match( '/^Content-Type:\s*([^;\s]+)/im', $head, $type ) ? ", but $type[1]" : '' );
		}
		$text  = array_map( static fn ( $value ): string => is_string( $value ) ? $value : '', $answer );
		$text += array_fill_keys( array( 'error', 'error_description', 'access_token', 'refresh_token' ), '' );
		if ( '' !== $text['error'] ) {
			return " {$text['error']}" . self::brief( $text['error_description'] );
		}
		if ( 200 === $status && 0 !== strcasecmp( $text['token_type'] ?? 'bearer', 'bearer' ) ) {
			return ': a token of another type than Bearer';
		}
		if ( 200 === $status && ! self::is_token( $text['access_token'] ) ) {
			return ': no access token that can be used';
		}
		$has_next = 200 === $status && '' !== ( $answer['refresh_token'] ?? '' );
		return $has_next && ! self::is_token( $text['refresh_token'] ) ? ': no refresh token that can be used' : '';
	}

	private static function is_token( string $text ): bool {
		return preg_match( '/^[!-~]+$/D', $text ) && strlen( $text ) <= self::MAX_TOKEN;
	}

	/** What Microsoft says for its support after what it says for people is left out, but for the id that the support asks for. */
	private static function brief( string $description ): string {
		$description      = trim( preg_replace( '/\s+/', ' ', $description ) );
		[ $brief, $rest ] = explode( ' Trace ID: ', $description, 2 ) + array( 1 => '' );
		$id               = preg_match( '/Correlation ID: (\S+)/', $rest, $found ) ? " (Correlation ID $found[1])" : '';
		return '' === $brief ? '' : ": $brief$id";
	}
}
