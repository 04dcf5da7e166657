<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** The time. */
final class Clock {
	/** The present time as RFC 3339 has it. */
	public static function now(): string {
		return gmdate( 'Y-m-d\TH:i:s', time() ) . sprintf( '.%03dZ', 1000 * fmod( microtime( true ), 1 ) );
	}
}
