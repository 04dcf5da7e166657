<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** An error of the contract. All of it may be shown to the client. */
final class Problem extends \RuntimeException {
	private const STATUS = array(
		'malformed'              => 400,
		'unauthorized'           => 401,
		'not_found'              => 404,
		'method_not_allowed'     => 405,
		'verification_required'  => 409,
		'bypassed'               => 409,
		'not_in_force'           => 409,
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

	private string $name;
	private array $members;
	private int $retry_after;

	/** @param array<string, string> $members further members of the problem document: field, revision, updated_by. */
	public function __construct( string $name, string $detail, array $members = array(), int $retry_after = 0 ) {
		parent::__construct( $detail );
		$this->name        = $name;
		$this->members     = $members;
		$this->retry_after = $retry_after;
	}

	/** A value that is not allowed. */
	public static function of_field( string $field, string $detail ): self {
		return new self( 'invalid', "$field $detail.", array( 'field' => $field ) );
	}

	/** The response of WordPress, or of another plugin, with that status. */
	public static function of_status( int $status, string $detail ): self {
		// The contract does not distinguish a user without the capability from no user.
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
