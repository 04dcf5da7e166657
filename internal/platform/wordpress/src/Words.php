<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** Makes what a mail server says fit to be stored and shown: bounded, printable, and without the login that it may echo. */
final class Words {
	private Settings $settings;
	private ?Secret $password;

	/** What the caller chose, and the server has seen. */
	private string $sent;

	public function __construct( Settings $settings, ?Secret $password, string $sent ) {
		$this->settings = $settings;
		$this->password = $password;
		$this->sent     = $sent;
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

	/** What came from outside as one printable line of bounded length, without the login that it may echo. */
	public function line( string $text ): string {
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
		// What the caller sent may come back in the reply. Whether it was redacted would tell him whether he guessed right.
		$forms = array_filter( $forms, fn ( string $form ): bool => '' !== $form && ! str_contains( $this->sent, $form ) );
		// The longest matches first.
		return strtr( $text, array_fill_keys( $forms, '***' ) );
	}
}
