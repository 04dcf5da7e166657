<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** Makes the text of a mail server safe to store and show: bounded, printable, and without a login that it repeats. */
final class Words {
	private Redactor $redactor;

	/**
	 * @param string  $supplied what the client chose of what the server has seen.
	 * @param ?Secret $token    the access token of the login.
	 */
	public function __construct( Settings $settings, ?Secret $password, string $supplied, ?Secret $token = null ) {
		$secrets        = array_filter( array( ...( null === $password ? array() : $password->parts() ), (string) Secret::value( $token ), ...TokenEndpoint::sent() ) );
		// Readers of the text can read the settings too: redacting a part of a setting would reveal that the password is that part.
		$shown          = implode( "\n", array( $supplied, ...array_values( array_map( 'strval', $settings->values() ) ) ) );
		$this->redactor = new Redactor( $secrets, array() === $secrets ? array() : array( $settings->username ), $shown );
	}

	/** The reply in parts: its code, its enhanced code (RFC 3463) and the text of all its lines. */
	public function reply( string $raw ): ?array {
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

	/** Text from outside as one printable line of bounded length, without a login that it repeats. */
	public function line( string $text ): string {
		return mb_substr( trim( preg_replace( '/\s+/u', ' ', $this->redactor->redact( $text ) ) ), 0, 2000 );
	}
}
