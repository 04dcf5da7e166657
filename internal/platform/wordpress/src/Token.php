<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * A login for this plugin's routes only, without a user. The site stores only a keyed hash of it. Alternatively, SITE_SMTP_TOKEN_SHA256 in
 * wp-config.php holds its SHA-256.
 */
final class Token {
	private const ROW    = 'site_smtp_token';
	private const HEADER = 'X-Site-SMTP-Token';

	/** The name of the token that the request was accepted with. */
	private static ?string $name = null;

	public static function register(): void {
		add_filter( 'rest_authentication_errors', array( self::class, 'authenticate' ), 0 );
		if ( isset( $_SERVER['HTTP_X_SITE_SMTP_TOKEN'] ) ) {
			// A login in addition is for the web server. As an Application Password it would fail, and plugins lock out after failures.
			add_filter( 'application_password_is_api_request', '__return_false' );
		}
	}

	/** Admits a valid token to this part of the REST API, even if another plugin admits only logged-in users. */
	public static function authenticate( mixed $errors ): mixed {
		$route = (string) ( $GLOBALS['wp']->query_vars['rest_route'] ?? '' );
		if ( null !== $errors || ! str_starts_with( $route, '/' . Api::SPACE . '/' ) ) {
			return $errors;
		}
		$request = new \WP_REST_Request();
		$request->set_headers( rest_get_server()->get_headers( wp_unslash( $_SERVER ) ) );
		$given = self::of( $request );
		return null !== $given && self::accept( $given ) ? true : $errors;
	}

	/** Creates a token, which replaces the existing one. It is shown only this once. */
	public static function create( string $name ): string {
		$token = 'sst_' . bin2hex( random_bytes( 32 ) );
		self::store(
			array(
				'name' => $name,
				'mark' => Keys::mark( self::marked( $token, $name ) ),
			)
		);
		return $token;
	}

	public static function revoke(): void {
		Store::remove( self::ROW );
	}

	/** The token of a request: in a separate header, which leaves Authorization to the web server, or as a bearer token. */
	public static function of( \WP_REST_Request $request ): ?string {
		$own = $request->get_header( self::HEADER );
		if ( null !== $own ) {
			return trim( $own );
		}
		return preg_match( '/^Bearer\s+(\S+)$/iD', trim( (string) $request->get_header( 'Authorization' ) ), $found ) ? $found[1] : null;
	}

	/** Whether the token is valid for this site. */
	public static function accept( string $token ): bool {
		if ( defined( 'SITE_SMTP_TOKEN_SHA256' ) && hash_equals( strtolower( (string) SITE_SMTP_TOKEN_SHA256 ), hash( 'sha256', $token ) ) ) {
			self::$name = 'token';
			return true;
		}
		$row    = Store::get( self::ROW );
		$stored = null === $row ? null : json_decode( $row, true, 8 );
		if ( ! is_array( $stored ) || ! Keys::matches( (string) ( $stored['mark'] ?? '' ), self::marked( $token, (string) ( $stored['name'] ?? '' ) ) ) ) {
			return false;
		}
		self::$name = 'token ' . $stored['name'];
		return true;
	}

	/** The name of the token for people; null if the request came with a different login. */
	public static function name(): ?string {
		return self::$name;
	}

	private static function marked( string $token, string $name ): array {
		return array( 'token', Site::id(), $name, $token );
	}

	private static function store( array $token ): void {
		Store::change( self::ROW, static fn (): string => wp_json_encode( $token ) );
	}
}
