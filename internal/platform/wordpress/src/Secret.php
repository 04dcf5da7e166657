<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** A password. Stack traces show the object, dumps show that there is something to hide. */
final class Secret {
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
