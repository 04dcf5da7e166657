<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * Removes secrets from text, in the spellings that SECURITY.md of the provider promises: as they are; with invisible characters in between;
 * with characters escaped as in URLs, forms, HTML, JSON or C; in base64, base32 or hexadecimal; and in up to three of these encodings
 * nested.
 */
final class Redactor {
	private const PLACEHOLDER = '[redacted]';

	/** A shorter secret would be found by chance, and the gap would reveal it. */
	private const SHORTEST = 4;

	/** A longer text is not shown. */
	private const LONGEST   = 65536;
	private const PASSES    = 4;
	private const ENCODINGS = 3;

	/** Limits for a hostile text: how many bytes are searched in all its readings, and how many for each byte of the text. Beyond them the text is not shown. */
	private const LEAST_LOOKED    = 131072;
	private const LOOKED_PER_BYTE = 24;

	/** Encodings of bytes as a word, with their number of alignments: what precedes the secret is unknown. */
	private const WORDS = array(
		'hexadecimal' => array( '/[0-9A-Fa-f]{8,}/', 2 ),
		'base64'      => array( '/[A-Za-z0-9+\/_-]{5,}/', 4 ),
		'base32'      => array( '/[A-Z2-7]{7,}|[a-z2-7]{7,}/', 8 ),
	);

	/** @var string[] the strings to find. */
	private array $values = array();

	/** @var string[] the strings to find in decoded text only. */
	private array $hidden;

	/** What the reader supplied, in lower case. */
	private string $supplied;

	private int $left = 0;

	public function __debugInfo(): array {
		return array( 'values' => '[redacted]' );
	}

	/**
	 * @param string[] $secrets  to take out.
	 * @param string[] $hidden   to take out of what is encoded, but not as they are.
	 * @param string   $supplied what the reader of the result chose. It is left as it is: whether there is a secret in it would tell
	 *                           the reader whether a guess is right.
	 */
	public function __construct(
		#[\SensitiveParameter]
		array $secrets,
		array $hidden,
		string $supplied
	) {
		foreach ( $secrets as $secret ) {
			$trimmed = trim( $secret );
			// Mail services show app passwords in groups.
			foreach ( array( $secret, $trimmed, trim( preg_replace( '/\s+/u', ' ', Reading::printable( $trimmed ) ) ), str_replace( ' ', '', $trimmed ) ) as $value ) {
				if ( strlen( trim( $value ) ) >= self::SHORTEST ) {
					$this->values[] = $value;
				}
			}
		}
		$this->values   = array_unique( $this->values );
		$this->hidden   = array_filter( $hidden, static fn ( string $value ): bool => strlen( $value ) >= self::SHORTEST );
		$this->supplied = strtolower( $supplied );
	}

	/** The text, printable and without the secrets. */
	public function redact( string $text ): string {
		$text = Reading::valid( $text );
		if ( strlen( $text ) > self::LONGEST ) {
			return self::left_out( $text );
		}
		if ( array() === $this->values && array() === $this->hidden ) {
			return Reading::printable( $text );
		}
		$this->left = self::LEAST_LOOKED + self::LOOKED_PER_BYTE * strlen( $text );
		for ( $pass = 0; $pass < self::PASSES; $pass++ ) {
			$found = $this->find( $text );
			if ( $this->left < 0 ) {
				return self::left_out( $text );
			}
			if ( array() === $found ) {
				return Reading::printable( $text );
			}
			// What was removed may have ended a terminal sequence or separated the parts of a secret: search again.
			$text = self::replace( $text, $found );
		}
		return self::PLACEHOLDER;
	}

	private static function left_out( string $text ): string {
		return sprintf( '(%d bytes left out)', strlen( $text ) );
	}

	/** @return list<array{int, int}> the parts that contain a secret; they may overlap. */
	private function find( string $text ): array {
		$found = array();
		foreach ( Reading::all( $text ) as $reading ) {
			foreach ( array_merge( $this->stand( $reading->text ), $this->words( $reading->text, 1 ) ) as [ $begin, $end ] ) {
				[ $begin, $end ] = $reading->part( $begin, $end );
				if ( ! str_contains( $this->supplied, strtolower( substr( $text, $begin, $end - $begin ) ) ) ) {
					$found[] = array( $begin, $end );
				}
			}
		}
		return $found;
	}

	/** @return list<array{int, int}> where the secrets occur as they are. */
	private function stand( string $text ): array {
		$this->left -= strlen( $text );
		return self::occurrences( $text, $this->values );
	}

	/** @return list<array{int, int}> where any of the values occurs. */
	private static function occurrences( string $text, array $values ): array {
		$found = array();
		foreach ( $values as $value ) {
			for ( $at = strpos( $text, $value ); false !== $at; $at = strpos( $text, $value, $at + 1 ) ) {
				$found[] = array( $at, $at + strlen( $value ) );
			}
		}
		return $found;
	}

	/** @return list<array{int, int}> the words that contain a secret once decoded; $depth is how often they were encoded. */
	private function words( string $text, int $depth ): array {
		$found = array();
		foreach ( self::WORDS as $encoding => [ $pattern, $alignments ] ) {
			preg_match_all( $pattern, $text, $matches, PREG_OFFSET_CAPTURE );
			foreach ( $matches[0] as [ $word, $at ] ) {
				for ( $skip = 0; $skip < $alignments; $skip++ ) {
					if ( $this->holds( self::decode( $encoding, substr( $word, $skip ) ), $depth ) ) {
						$end     = $at + strlen( $word );
						$found[] = array( $at, $end + strspn( $text, '=', $end ) );
						break;
					}
				}
			}
		}
		return $found;
	}

	/** Whether a word contains a secret once decoded. */
	private function holds( string $decoded, int $depth ): bool {
		if ( $this->left < 0 ) {
			// The whole text is omitted.
			return false;
		}
		if ( array() !== $this->stand( $decoded ) || array() !== self::occurrences( $decoded, $this->hidden ) ) {
			return true;
		}
		if ( $depth >= self::ENCODINGS || ! preg_match( '/^(?:[^\x00-\x1f]|[\x00\t\r\n])+$/uD', $decoded ) ) {
			// Random bytes do not look like text that was encoded again.
			return false;
		}
		foreach ( Reading::all( $decoded ) as $inner ) {
			if ( array() !== $this->stand( $inner->text ) || array() !== $this->words( $inner->text, $depth + 1 ) ) {
				return true;
			}
		}
		return false;
	}

	/** What a word decodes to, as far as it can be decoded. */
	private static function decode( string $encoding, string $word ): string {
		if ( 'hexadecimal' === $encoding ) {
			return (string) hex2bin( substr( $word, 0, strlen( $word ) & ~1 ) );
		}
		if ( 'base64' === $encoding ) {
			return (string) base64_decode( strtr( substr( $word, 0, 1 === strlen( $word ) % 4 ? -1 : null ), '-_', '+/' ) );
		}
		$bits    = 0;
		$buffer  = 0;
		$decoded = '';
		foreach ( str_split( strtoupper( $word ) ) as $letter ) {
			$buffer = ( $buffer << 5 | strpos( 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', $letter ) ) & 0xfff;
			$bits  += 5;
			if ( $bits >= 8 ) {
				$bits    -= 8;
				$decoded .= chr( $buffer >> $bits & 0xff );
			}
		}
		return $decoded;
	}

	/**
	 * Replaces the parts by the placeholder, overlapping parts only once. The text between them is made printable piece by piece, so that
	 * no terminal sequence spans a placeholder.
	 */
	private static function replace( string $text, array $parts ): string {
		sort( $parts );
		$out  = '';
		$done = 0;
		foreach ( $parts as [ $begin, $end ] ) {
			if ( $begin >= $done ) {
				$out .= Reading::printable( substr( $text, $done, $begin - $done ) ) . self::PLACEHOLDER;
			}
			$done = max( $done, $end );
		}
		return $out . Reading::printable( substr( $text, $done ) );
	}
}
