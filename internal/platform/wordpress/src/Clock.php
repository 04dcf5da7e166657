<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** The time. */
final class Clock {
	/** The current time (RFC 3339). */
	public static function now(): string {
		return gmdate( 'Y-m-d\TH:i:s', time() ) . sprintf( '.%03dZ', 1000 * fmod( microtime( true ), 1 ) );
	}
}
