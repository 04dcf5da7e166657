<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** The contract over HTTP, for users who may manage options. */
final class Api {
	public const SPACE     = 'site-smtp/v1';
	private const UUID     = '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}';
	private const MAX_BODY = 65536;

	/** The plugin, which the provider warns of where a newer one is there. */
	private const SOFTWARE = array(
		'name'    => 'site-smtp',
		'version' => SITE_SMTP_VERSION,
	);

	/** The calls by path, as regular expressions, and method. */
	private const CALLS = array(
		'/site'                      => array( 'GET' => 'get_site' ),
		'/smtp'                      => array(
			'GET'    => 'get_smtp',
			'PUT'    => 'put_smtp',
			'DELETE' => 'delete_smtp',
		),
		'/smtp/tests/(?P<key>[^/]+)' => array(
			'GET' => 'get_test',
			'PUT' => 'put_test',
		),
		'/smtp/presets'              => array( 'GET' => 'get_presets' ),
	);

	private const WRITE = array(
		'settings'       => Settings::SHAPE,
		'password?'      => 'string',
		'client_secret?' => 'string',
		'adopt?'         => 'boolean',
		'enabled'        => 'boolean',
		'write_id'       => 'string',
		'site_id?'       => 'string',
	);

	private const TEST = array(
		'settings?'      => Settings::SHAPE,
		'password?'      => 'string',
		'client_secret?' => 'string',
		'adopt?'         => 'boolean',
		'recipient'      => 'string',
		'site_id?'       => 'string',
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

	/** Grants the capability to everyone who may manage options. A user with this capability alone may do nothing else. */
	public static function lend( array $capabilities ): array {
		return ( empty( $capabilities['manage_options'] ) ? array() : array( 'manage_site_smtp' => true ) ) + $capabilities;
	}

	public static function routes(): void {
		foreach ( self::CALLS as $path => $calls ) {
			register_rest_route(
				self::SPACE,
				$path,
				array(
					// Other methods are answered with 405; WordPress would say 404.
					'methods'             => \WP_REST_Server::ALLMETHODS,
					'permission_callback' => array( self::class, 'may' ),
					'callback'            => static fn ( \WP_REST_Request $request ): \WP_REST_Response => self::serve( $request, $calls ),
				)
			);
		}
	}

	/** @return true|\WP_Error */
	public static function may( \WP_REST_Request $request ) {
		$given = Token::of( $request );
		if ( null === $given ? current_user_can( 'manage_site_smtp' ) : Token::accept( $given ) ) {
			return true;
		}
		return new \WP_Error( 'unauthorized', self::refusal( null !== $given ), array( 'status' => 401 ) );
	}

	/** Why the login was refused. If WordPress refused it, WordPress says why. */
	private static function refusal( bool $with_token ): string {
		if ( $with_token ) {
			return 'The token is not valid for this site. Create one with: wp site-smtp token create';
		}
		$user = wp_get_current_user();
		if ( $user->exists() ) {
			return "The user $user->user_login lacks the capability manage_site_smtp, which administrators have.";
		}
		if ( ! wp_is_application_passwords_supported() ) {
			return 'Application Passwords are off because WordPress does not see HTTPS. Use a token (wp site-smtp token create), or tell WordPress that its proxy uses HTTPS.';
		}
		if ( ! wp_is_application_passwords_available() ) {
			return 'A plugin of this site has turned Application Passwords off. Turn them on in that plugin, or use a token (wp site-smtp token create).';
		}
		if ( ! isset( $_SERVER['PHP_AUTH_USER'] ) ) {
			return 'No credentials arrived. The request needs the username and an Application Password of a user with the capability manage_site_smtp, or a token. '
				. 'If it had them, the web server dropped the Authorization header.';
		}
		return 'The username or the Application Password is wrong.';
	}

	/** Makes a problem document of what WordPress or another plugin refuses below our namespace. */
	public static function in_our_words( mixed $response, mixed $server, mixed $request ): mixed {
		if ( ! $response instanceof \WP_REST_Response || ! str_starts_with( $request->get_route(), '/' . self::SPACE . '/' ) ) {
			return $response;
		}
		if ( $response->get_status() >= 400 && 'application/problem+json' !== ( $response->get_headers()['Content-Type'] ?? '' ) ) {
			$said     = $response->get_data();
			$detail   = wp_strip_all_tags( (string) ( $said['message'] ?? '' ) );
			$response = Problem::of_status( $response->get_status(), $detail )->response();
		}
		$response->header( 'Cache-Control', 'no-store' );
		// WordPress sends its own to users that are logged in.
		add_filter( 'nocache_headers', static fn ( array $headers ): array => array( 'Cache-Control' => 'no-store' ) + $headers, PHP_INT_MAX );
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
			return ( new Problem( 'internal', "Internal error; see the site's log." ) )->response();
		}
	}

	private static function get_site(): \WP_REST_Response {
		return new \WP_REST_Response(
			array(
				'site_id'     => Site::id(),
				'name'        => wp_specialchars_decode( get_bloginfo( 'name' ), ENT_QUOTES ),
				'product'     => 'WordPress ' . get_bloginfo( 'version' ),
				'api_version' => Site::API_VERSION,
				'software'    => self::SOFTWARE,
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
		$site = $request->get_header( 'Site-ID' );
		if ( null !== $site && '' === trim( $site ) ) {
			throw new Problem( 'malformed', 'The Site-ID header must hold one site_id.' );
		}
		self::check_site( $site );
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
			'auth_methods'  => array( 'password', 'oauth2' ),
			'grants'        => Settings::GRANTS,
			'software'      => self::SOFTWARE,
			'in_force'      => InForce::document( $r ),
		) + Delivery::read();
		if ( '' !== $r->fault ) {
			$document['notice'] = $r->fault;
		}
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
			'settings'      => null,
			'password'      => null,
			'client_secret' => null,
			'adopt'         => false,
			'site_id'       => null,
		);
		if ( '' === $body['site_id'] ) {
			throw new Problem( 'malformed', 'site_id must not be empty.' );
		}
		self::check_site( $body['site_id'] );
		$body['settings'] = null === $body['settings'] ? null : Settings::of( $body['settings'] );
		$body['password'] = self::secret( $body );
		self::check_password( $body );
		if ( $body['adopt'] ) {
			$body['password'] = InForce::password_for( $body['settings'] );
		}
		return $body;
	}

	/** The password, joined with the client secret if there is one. */
	private static function secret( array $body ): ?Secret {
		[ 'password' => $password, 'client_secret' => $beside ] = $body;
		if ( '' === $beside || ( null !== $beside && '' === (string) $password ) ) {
			throw Problem::of_field( 'client_secret', 'must not be empty, and must not come without the refresh token in password' );
		}
		if ( null === $password ) {
			return null;
		}
		$secret = new Secret( $password );
		if ( $secret->parts()[0] !== $password ) {
			throw Problem::of_field( 'password', 'must not contain control characters' );
		}
		return null === $beside ? $secret : Secret::join( $secret, new Secret( $beside ) );
	}

	/** A password comes only with settings, and only once: in the request, or from the plugin that sends the site's mail now. */
	private static function check_password( array $body ): void {
		if ( null === $body['settings'] && ( $body['adopt'] || null !== $body['password'] ) ) {
			throw Problem::of_field( $body['adopt'] ? 'adopt' : 'password', 'must not come without settings' );
		}
		if ( $body['adopt'] && null !== $body['password'] ) {
			throw Problem::of_field( 'adopt', 'must not come with a password' );
		}
	}

	/** Refuses a request that names a different site. */
	private static function check_site( ?string $id ): void {
		if ( null !== $id && Site::id() !== $id ) {
			throw new Problem( 'wrong_site', 'The request is for a different site than the one that answered.' );
		}
	}

	/** The revision in If-Match. Proxies weaken the tag, which makes no difference here. */
	private static function if_match( \WP_REST_Request $request ): string {
		$tag = $request->get_header( 'If-Match' );
		if ( null === $tag ) {
			throw new Problem( 'precondition_required', 'The request needs an If-Match header with the revision that was read.' );
		}
		if ( ! preg_match( '#^(?:W/)?"([^"]*)"$#D', $tag, $parts ) ) {
			throw new Problem( 'malformed', 'The If-Match header must hold one revision in double quotes.' );
		}
		return $parts[1];
	}

	private static function user(): string {
		return Token::name() ?? wp_get_current_user()->user_login;
	}
}
