<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * The senders that mail may have in addition to the sender of the settings. Without SITE_SMTP_SENDERS in wp-config.php there are none: all
 * mail comes from the sender that was tested.
 */
final class Senders {
	/** Whether mail may come from that address: it is listed, its domain is listed (@client.example), or * allows any address. */
	public static function allow( string $address ): bool {
		$address = strtolower( $address );
		foreach ( self::named() as $named ) {
			if ( '*' === $named || $named === $address || ( '@' === $named[0] && str_ends_with( $address, $named ) ) ) {
				return true;
			}
		}
		return false;
	}

	/** @return string[] in lower case. */
	public static function named(): array {
		$list = defined( 'SITE_SMTP_SENDERS' ) ? (array) SITE_SMTP_SENDERS : array();
		return preg_split( '/[\s,]+/', strtolower( implode( ',', $list ) ), -1, PREG_SPLIT_NO_EMPTY );
	}
}
