<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * A password, or what is stored as one: a refresh token with a client secret, or a private key. Stack traces show only the object, and dumps
 * show [redacted].
 */
final class Secret {
	/** Separates two joined secrets: no password, token or key holds it. */
	private const SEPARATOR = "\0";

	private string $value;

	public function __construct(
		#[\SensitiveParameter]
		string $value
	) {
		$this->value = $value;
	}

	public function reveal(): string {
		return $this->value;
	}

	/** One secret of two, which are stored, compared and replaced together. */
	public static function join( self $first, self $second ): self {
		return new self( $first->value . self::SEPARATOR . $second->value );
	}

	/** @return array{string, string} the two that were joined; the second is empty if there is only one. */
	public function parts(): array {
		return explode( self::SEPARATOR, $this->value, 2 ) + array( 1 => '' );
	}

	public static function value( ?self $secret ): ?string {
		return null === $secret ? null : $secret->value;
	}

	/** Whether both hold the same, where null holds nothing. */
	public static function same( ?self $a, ?self $b ): bool {
		return hash_equals( (string) self::value( $a ), (string) self::value( $b ) );
	}

	public function __debugInfo(): array {
		return array( 'value' => '[redacted]' );
	}

	public function __serialize(): array {
		throw new \LogicException( 'A secret is not serialized.' );
	}
}
