<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** A text after something was removed or decoded, with the part of the original text that each of its bytes comes from. */
final class Reading {
	/** How many readings of one text are searched. */
	private const MOST = 16;

	/** Terminal sequences (ECMA-48): control sequences, strings such as a window title, and all others. */
	public const SEQUENCE = '/(?:\x1b\[|\x{9b})[0-?]*[ -\/]*[@-~]?|(?:\x1b[\]PX^_]|[\x{9d}\x{90}\x{98}\x{9e}\x{9f}])[^\x07\x1b\x{9c}]*(?:\x07|\x1b\\\\|\x{9c})?|\x1b.?/us';

	/** Printable but invisible characters: joiners, variation selectors and fillers (Default_Ignorable_Code_Point). */
	private const IGNORABLE = '\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2800}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}\x{E0100}-\x{E01EF}';

	/** Characters without width, except those that begin or end a terminal sequence. */
	private const ZERO_WIDTH = '/[\x00-\x06\x0e-\x1a\x7f\p{Cf}' . self::IGNORABLE . ']+/u';
	private const SPACE      = '[\s\x{85}\p{Z}]+';
	private const HIDDEN     = '[\p{C}\x{FFFD}' . self::IGNORABLE . ']';

	/** Bytes that are not part of a UTF-8 character. */
	private const STRAY = '/(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}'
		. '|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})++(*SKIP)(*F)|./s';

	private const BACKSLASH = '/\\\\(?:u[dD][89abAB][0-9A-Fa-f]{2}\\\\u[dD][c-fC-F][0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|u\{[0-9A-Fa-f]{1,6}\}'
		. '|x[0-9A-Fa-f]{2}|[0-7]{1,3}|[abefnrtv"\'\\\\\/])/';

	public string $text;

	/** For each byte, where the part of the original text that it comes from begins and ends, as numbers of four bytes. */
	private string $begins;
	private string $ends;

	private function __construct( string $text, string $begins, string $ends ) {
		$this->text   = $text;
		$this->begins = $begins;
		$this->ends   = $ends;
	}

	/** @return self[] the text itself and its other readings: without invisible characters, and decoded, in each order. */
	public static function all( string $text ): array {
		$places = pack( 'V*', ...range( 0, strlen( $text ) ) );
		$known  = array( $text => true );
		$all    = array( new self( $text, substr( $places, 0, -4 ), substr( $places, 4 ) ) );
		for ( $i = 0; $i < count( $all ) && count( $all ) < self::MOST; $i++ ) { // phpcs:ignore Generic.CodeAnalysis.ForLoopWithTestFunctionCall -- it grows.
			foreach ( $all[ $i ]->further() as $next ) {
				if ( '' !== $next->text && ! isset( $known[ $next->text ] ) ) {
					$known[ $next->text ] = true;
					$all[]                = $next;
				}
			}
		}
		return $all;
	}

	/** The part of the original text that the bytes from $begin to $end come from. */
	public function part( int $begin, int $end ): array {
		return array( self::number( $this->begins, $begin ), self::number( $this->ends, $end - 1 ) );
	}

	/** Text in UTF-8, of one or more lines, without terminal sequences and other unprintable characters. */
	public static function printable( string $text ): string {
		$text = preg_replace( self::SEQUENCE, '', self::valid( $text ) );
		return preg_replace( array( '/' . self::SPACE . '/u', '/\p{C}/u' ), array( ' ', '' ), $text );
	}

	/** Text in UTF-8, with U+FFFD for each invalid byte. */
	public static function valid( string $text ): string {
		return preg_match( '//u', $text ) ? $text : preg_replace( self::STRAY, "\u{FFFD}", $text );
	}

	private static function number( string $of, int $at ): int {
		return unpack( 'V', $of, 4 * $at )[1];
	}

	/** @return self[] the readings after one more step. */
	private function further(): array {
		$v    = preg_match( '//u', $this->text ) ? $this : $this->rewrite( self::STRAY, static fn (): string => "\u{FFFD}" );
		$next = array( $v->without( self::SEQUENCE )->visible(), $v->without( self::ZERO_WIDTH )->without( self::SEQUENCE )->visible(), $v->visible() );
		foreach ( self::escapings() as [ $mark, $escapes, $plain ] ) {
			if ( str_contains( $this->text, $mark ) ) {
				$next[] = $this->rewrite( $escapes, $plain );
			}
		}
		return $next;
	}

	/**
	 * Escapes: of URLs (RFC 3986 section 2.1), of forms, which also write spaces as plus signs, of HTML, and of strings in JSON, Go, C, PHP
	 * and JavaScript, where \xE4 may be a byte or a character.
	 */
	private static function escapings(): array {
		return array(
			array( '%', '/%[0-9A-Fa-f]{2}/', 'rawurldecode' ),
			array( '+', '/%[0-9A-Fa-f]{2}|\+/', 'urldecode' ),
			array( '&', '/&#?[0-9A-Za-z]+;?/', array( self::class, 'of_html' ) ),
			array( '\\', self::BACKSLASH, static fn ( string $escape ): string => self::of_backslash( $escape, 'chr' ) ),
			array( '\\', self::BACKSLASH, static fn ( string $escape ): string => self::of_backslash( $escape, array( self::class, 'character' ) ) ),
		);
	}

	private static function of_html( string $escape ): string {
		if ( preg_match( '/^&#(?:(\d+)|[xX]([0-9A-Fa-f]+));?$/D', $escape, $number ) ) {
			return self::character( isset( $number[2] ) ? (int) hexdec( $number[2] ) : (int) $number[1] );
		}
		// The oldest names work without a semicolon.
		$escape = preg_replace( '/^&(amp|lt|gt|quot)(?!;)/', '&$1;', $escape );
		return html_entity_decode( $escape, ENT_QUOTES | ENT_HTML5, 'UTF-8' );
	}

	/** @param callable(int): string $single says what a number below 256 is. */
	private static function of_backslash( string $escape, callable $single ): string {
		$kind   = $escape[1];
		$digits = trim( substr( $escape, 2 ), '{}' );
		if ( 12 === strlen( $escape ) ) {
			// A surrogate pair (RFC 8259 section 7).
			return (string) json_decode( "\"$escape\"" );
		}
		if ( 'u' === $kind || 'U' === $kind ) {
			return self::character( (int) hexdec( $digits ) );
		}
		if ( 'x' === $kind ) {
			return $single( (int) hexdec( $digits ) );
		}
		if ( ctype_digit( $kind ) ) {
			return $single( octdec( substr( $escape, 1 ) ) & 0xff );
		}
		return strtr( $kind, 'abefnrtv', "\x07\x08\x1b\x0c\n\r\t\x0b" );
	}

	/** The character with that number in UTF-8; U+FFFD if there is none. */
	private static function character( int $number ): string {
		if ( $number < 0x80 ) {
			return chr( $number );
		}
		$more = $number < 0x800 ? 1 : ( $number < 0x10000 ? 2 : 3 );
		$said = chr( ( ( 0xff00 >> ( $more + 1 ) ) | ( $number >> ( 6 * $more ) ) ) & 0xff );
		while ( $more-- > 0 ) {
			$said .= chr( 0x80 | ( ( $number >> ( 6 * $more ) ) & 0x3f ) );
		}
		return $number <= 0x10ffff && preg_match( '//u', $said ) ? $said : "\u{FFFD}";
	}

	private function without( string $what ): self {
		return $this->rewrite( $what, static fn (): string => '' );
	}

	/** Removes what is not a printable character, and turns white space into single spaces. */
	private function visible(): self {
		return $this->rewrite( '/' . self::SPACE . '|' . self::HIDDEN . '/u', static fn ( string $part ): string => preg_match( '/^' . self::SPACE . '$/uD', $part ) ? ' ' : '' );
	}

	/** @param callable(string): string $by gives what stands for each match of $what. */
	private function rewrite( string $what, callable $by ): self {
		if ( ! preg_match_all( $what, $this->text, $matches, PREG_OFFSET_CAPTURE ) ) {
			return $this;
		}
		[ $text, $begins, $ends, $done ] = array( '', '', '', 0 );
		foreach ( $matches[0] as [ $match, $at ] ) {
			$end     = $at + strlen( $match );
			$said    = $by( $match );
			$text   .= substr( $this->text, $done, $at - $done ) . $said;
			$begins .= substr( $this->begins, 4 * $done, 4 * ( $at - $done ) ) . str_repeat( substr( $this->begins, 4 * $at, 4 ), strlen( $said ) );
			$ends   .= substr( $this->ends, 4 * $done, 4 * ( $at - $done ) ) . str_repeat( substr( $this->ends, 4 * ( $end - 1 ), 4 ), strlen( $said ) );
			$done    = $end;
		}
		return new self( $text . substr( $this->text, $done ), $begins . substr( $this->begins, 4 * $done ), $ends . substr( $this->ends, 4 * $done ) );
	}
}
