<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** What administrators of the site see: notices, and a read-only page. */
final class Status {
	public static function register(): void {
		add_action( 'admin_notices', array( self::class, 'notice' ) );
		add_action( 'admin_menu', array( self::class, 'menu' ) );
	}

	public static function menu(): void {
		add_management_page( __( 'Outgoing mail', 'site-smtp' ), __( 'Outgoing mail', 'site-smtp' ), 'manage_site_smtp', 'site-smtp', array( self::class, 'page' ) );
	}

	/** Whether mail settings are in force, or were before a fault. */
	public static function is_managed(): bool {
		$record = Site::read();
		return '' !== $record->fault || $record->settings->is_configured();
	}

	/** Why mail is not sent, in a sentence; null if no reason is known. */
	public static function fault(): ?string {
		try {
			$record = Site::read();
			if ( '' !== $record->fault ) {
				return self::off() . " $record->fault";
			}
			if ( $record->enabled && Delivery::is_failing() ) {
				return self::failure();
			}
			return null;
		} catch ( \Throwable $e ) {
			return self::off() . ' ' . __( 'The mail settings could not be read:', 'site-smtp' ) . ' ' . get_class( $e );
		}
	}

	public static function notice(): void {
		if ( ! current_user_can( 'manage_site_smtp' ) ) {
			return;
		}
		$fault = self::fault();
		if ( null !== $fault ) {
			self::show( 'error', $fault );
			return;
		}
		$record = Site::read();
		if ( $record->settings->is_configured() && ! $record->enabled ) {
			self::show( 'warning', self::off() . ' ' . __( 'This site sends no mail until its mail settings are enabled.', 'site-smtp' ) );
		}
	}

	public static function page(): void {
		$rows = array();
		foreach ( self::rows() as $label => $value ) {
			$rows[] = sprintf( '<tr><th scope="row">%s</th><td>%s</td></tr>', esc_html( $label ), esc_html( $value ) );
		}
		printf(
			'<div class="wrap"><h1>%s</h1><p>%s</p><table class="form-table" role="presentation">%s</table></div>',
			esc_html__( 'Outgoing mail', 'site-smtp' ),
			esc_html__( 'These settings are managed with Terraform. To change them, ask the person who manages them there.', 'site-smtp' ),
			implode( '', $rows ) // phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped -- escaped above.
		);
	}

	/** @return array<string, string> what the page shows, by label. */
	private static function rows(): array {
		$record   = Site::read();
		$s        = $record->settings;
		$delivery = Delivery::read();
		$tested   = null === $record->verification ? '–' : $record->verification['tested_at'];
		return array(
			__( 'Mail', 'site-smtp' )           => self::fault() ?? self::switch( $record ),
			__( 'Mail server', 'site-smtp' )    => $s->is_configured() ? "$s->host:$s->port ($s->encryption)" : '–',
			__( 'Sender', 'site-smtp' )         => $s->is_configured() ? trim( "$s->from_name <$s->from_address>" ) : '–',
			__( 'Other senders', 'site-smtp' )  => array() === Senders::named() ? __( 'none', 'site-smtp' ) : implode( ', ', Senders::named() ),
			__( 'Last test', 'site-smtp' )      => $tested,
			__( 'Last mail sent', 'site-smtp' ) => $delivery['last_success'] ?? '–',
			__( 'Last failure', 'site-smtp' )   => null === $delivery['last_failure'] ? '–' : self::failure(),
		);
	}

	private static function switch( Record $record ): string {
		if ( ! $record->settings->is_configured() ) {
			return __( 'not managed', 'site-smtp' );
		}
		return $record->enabled ? __( 'on', 'site-smtp' ) : __( 'off', 'site-smtp' );
	}

	private static function off(): string {
		return __( 'Outgoing mail is off.', 'site-smtp' );
	}

	/** The last mail that was not sent, and why. */
	private static function failure(): string {
		$failure = Delivery::read()['last_failure'];
		$said    = null === $failure['reply'] ? $failure['error'] : implode( ' ', array_filter( $failure['reply'] ) );
		/* translators: 1: a time, 2: a stage of SMTP such as auth, 3: the reply of the mail server */
		return sprintf( __( 'A mail was not sent at %1$s (%2$s): %3$s', 'site-smtp' ), $failure['at'], $failure['stage'], $said );
	}

	private static function show( string $kind, string $text ): void {
		printf( '<div class="notice notice-%s"><p>%s</p></div>', esc_attr( $kind ), esc_html( $text ) );
	}
}
