<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** The site's own mail: what wp_mail() does if this plugin defines it, and how this plugin takes over mail from a different wp_mail(). */
final class Mail {
	/** After how many mails a connection is closed: servers limit the mails of one connection. */
	private const PER_CONNECTION = 50;

	/** The connection of the running test, for its own mail. */
	private static ?Connection $test = null;

	/** The Message-ID of that mail. */
	private static string $test_id = '';

	/** Whether wp_mail() of this plugin is processing the mail. */
	private static bool $in_hand = false;

	/** @var array<string, Connection> the open connections, by site and revision. */
	private static array $open = array();

	public static function register(): void {
		// After all other plugins, because one may have blocked the mail.
		add_filter( 'pre_wp_mail', array( self::class, 'take_over' ), PHP_INT_MAX, 2 );
		add_action( 'shutdown', array( self::class, 'close' ) );
	}

	/** Whether this plugin should define wp_mail(): not if it manages nothing, so that the site behaves as without it. */
	public static function is_ours(): bool {
		if ( function_exists( 'wp_mail' ) || wp_installing() ) {
			return false;
		}
		try {
			return Site::holds_settings();
		} catch ( \Throwable $e ) {
			return true;
		}
	}

	/**
	 * What wp_mail() does.
	 *
	 * @param array<string, mixed> $mail its arguments, by name.
	 */
	public static function send( array $mail ): bool {
		$mail = (array) apply_filters( 'wp_mail', $mail );
		$off  = self::off();
		if ( null !== $off ) {
			return self::refuse( $mail, $off );
		}
		self::$in_hand = true;
		try {
			$handled = apply_filters( 'pre_wp_mail', null, $mail );
		} finally {
			self::$in_hand = false;
		}
		return null === $handled ? self::deliver( $mail ) : (bool) $handled;
	}

	/** Takes over mail that a different wp_mail() was about to send: WordPress' own, in a network or before the site was managed. */
	public static function take_over( mixed $handled, mixed $mail ): mixed {
		if ( self::$in_hand ) {
			return $handled;
		}
		$off = self::off();
		if ( null !== $off ) {
			return self::refuse( $mail, $off );
		}
		return null === $handled && self::is_managed( Site::read() ) ? self::deliver( (array) $mail ) : $handled;
	}

	/**
	 * Sends a test through wp_mail(), as a plugin would.
	 *
	 * @return string the Message-ID; empty if the mail did not reach this plugin's mailer.
	 */
	public static function send_test( Connection $through, string $to, string $subject, string $body ): string {
		self::$test    = $through;
		self::$test_id = '';
		try {
			// No vacation notices in return (RFC 3834 section 5).
			wp_mail( $to, $subject, $body, array( 'Auto-Submitted: auto-generated' ) );
			return self::$test_id;
		} finally {
			self::$test = null;
		}
	}

	/** Closes the open connections. */
	public static function close(): void {
		foreach ( self::$open as $connection ) {
			$connection->quit();
			$connection->close();
		}
		self::$open = array();
	}

	private static function is_managed( Record $record ): bool {
		return '' !== $record->fault || $record->settings->is_configured();
	}

	/** Why no mail is sent, in a sentence; null if mail is sent. A test is sent even while mail is off. */
	private static function off(): ?string {
		try {
			$record = Site::read();
		} catch ( \Throwable $e ) {
			return 'The mail settings could not be read: ' . get_class( $e );
		}
		return ! self::is_managed( $record ) || $record->enabled || null !== self::$test ? null : trim( 'Outgoing mail is off. ' . $record->fault );
	}

	/** @param array<string, mixed> $mail the arguments of wp_mail(), by name. */
	private static function deliver( array $mail ): bool {
		$record  = Site::read();
		$message = new Message( $mail );
		$managed = self::is_managed( $record );
		$through = null;
		try {
			if ( $managed ) {
				$through = self::$test ?? self::connection( $record );
				$mailer  = new Mailer( $record->settings, $through, null === self::$test );
				$message->answer_author( $record->settings->from_address );
			} else {
				$mailer = self::wordpress_mailer();
			}
			$mailer::$validator = static fn ( $address ): bool => (bool) is_email( $address );
			$message->fill( $mailer );
			// Plugins may put a different mailer there; for managed mail that makes no difference.
			$given = $mailer;
			do_action_ref_array( 'phpmailer_init', array( &$given ) );
			$sent          = ( $managed ? $mailer : $given )->send();
			self::$test_id = null === self::$test ? '' : trim( $mailer->getLastMessageID(), '<>' );
			if ( $managed && null === self::$test ) {
				Delivery::succeeded();
			}
			do_action( 'wp_mail_succeeded', $message->data() );
			return $sent;
		} catch ( \PHPMailer\PHPMailer\Exception $e ) {
			self::$test_id = null === self::$test ? '' : trim( $mailer->getLastMessageID(), '<>' );
			$why           = $e->getMessage();
			if ( null !== $through ) {
				$words = new Words( $record->settings, $record->password, $through->has_sent_recipients() ? $message->supplied() : '', $through->token() );
				$why   = $words->line( $why );
			}
			if ( null !== $through && null === self::$test ) {
				Delivery::failed( $through, $words );
				self::drop( $through );
			}
			return self::failed( $message->data() + array( 'phpmailer_exception_code' => $e->getCode() ), $why );
		}
	}

	/** The connection of this site, which several mails of a request share. */
	private static function connection( Record $record ): Connection {
		$name       = get_current_blog_id() . " $record->revision";
		$connection = self::$open[ $name ] ?? null;
		if ( null !== $connection && $connection->mails() >= self::PER_CONNECTION ) {
			self::drop( $connection );
			$connection = null;
		}
		$connection          = $connection ?? new Connection( $record->settings, $record->password );
		self::$open[ $name ] = $connection;
		$connection->begin();
		return $connection;
	}

	/** Closes a connection on which a mail failed, so that the next mail gets a new one. */
	private static function drop( Connection $connection ): void {
		$connection->quit();
		$connection->close();
		self::$open = array_filter( self::$open, static fn ( Connection $open ): bool => $open !== $connection );
	}

	/** The mailer in WordPress' global variable, or a new one like WordPress'. */
	private static function wordpress_mailer(): \PHPMailer\PHPMailer\PHPMailer {
		global $phpmailer;
		if ( ! $phpmailer instanceof \PHPMailer\PHPMailer\PHPMailer ) {
			Plugin::load_phpmailer();
			$wordpress = ABSPATH . WPINC . '/class-wp-phpmailer.php';
			if ( is_readable( $wordpress ) ) {
				require_once $wordpress;
			}
			$class     = class_exists( 'WP_PHPMailer', false ) ? 'WP_PHPMailer' : \PHPMailer\PHPMailer\PHPMailer::class;
			$phpmailer = new $class( true ); // phpcs:ignore WordPress.WP.GlobalVariablesOverride.Prohibited -- as WordPress does.
		}
		return $phpmailer;
	}

	/** Refuses a mail. Plugins that log mail, and PHP's log, get the reason. */
	private static function refuse( mixed $mail, string $why ): bool {
		error_log( "Site SMTP: a mail was not sent. $why" );
		return self::failed( $mail, $why );
	}

	private static function failed( mixed $mail, string $why ): bool {
		do_action( 'wp_mail_failed', new \WP_Error( 'wp_mail_failed', $why, $mail ) );
		return false;
	}
}
