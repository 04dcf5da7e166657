<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** The arguments of wp_mail(), interpreted as WordPress does, for a mailer. */
final class Message {
	private const LISTS = array( 'to', 'cc', 'bcc', 'reply-to' );

	/** @var array<string, string[]> addresses by list. */
	private array $addresses;

	/** @var list<array{string, string}> headers without a special meaning: name and content. */
	private array $headers = array();

	private string $subject;
	private string $body;
	private array $attachments;
	private array $embeds;
	private string $from         = '';
	private ?string $from_name   = null;
	private string $content_type = '';
	private string $charset      = '';
	private string $boundary     = '';

	/** @param array<string, mixed> $mail the arguments of wp_mail() by name. */
	public function __construct( array $mail ) {
		$this->addresses       = array_fill_keys( self::LISTS, array() );
		$this->subject         = (string) ( $mail['subject'] ?? '' );
		$this->body            = (string) ( $mail['message'] ?? '' );
		$this->attachments     = self::lines( $mail['attachments'] ?? array() );
		$this->embeds          = self::lines( $mail['embeds'] ?? array() );
		$this->addresses['to'] = self::split( $mail['to'] ?? array() );
		foreach ( self::lines( $mail['headers'] ?? array() ) as $line ) {
			$this->header( (string) $line );
		}
	}

	/**
	 * What plugins that log mail get.
	 *
	 * @return array<string, mixed> the arguments of wp_mail() by name, as WordPress has read them.
	 */
	public function data(): array {
		return array(
			'to'          => $this->addresses['to'],
			'subject'     => $this->subject,
			'message'     => $this->body,
			'headers'     => array_column( $this->headers, 1, 0 ),
			'attachments' => $this->attachments,
			'embeds'      => $this->embeds,
		);
	}

	/** Everything that the sender of the mail chose, as one text. */
	public function supplied(): string {
		$parts = array( $this->subject, $this->body, $this->from, (string) $this->from_name, array_merge( ...array_values( $this->addresses ) ), array_merge( ...$this->headers ) );
		return implode( "\n", array_map( static fn ( $part ): string => implode( "\n", (array) $part ), $parts ) );
	}

	/** Makes the From of the headers the Reply-To, unless it is the sender anyway or the mail has a Reply-To. */
	public function answer_author( string $sender ): void {
		if ( '' !== $this->from && array() === $this->addresses['reply-to'] && 0 !== strcasecmp( $this->from, $sender ) && ! Senders::allow( $this->from ) ) {
			$this->addresses['reply-to'][] = trim( ( $this->from_name ?? '' ) . " <$this->from>" );
		}
	}

	/**
	 * Puts the message into a mailer, which may have sent a message before, and applies WordPress' filters for each part.
	 *
	 * @throws \PHPMailer\PHPMailer\Exception if the sender is not an address.
	 */
	public function fill( \PHPMailer\PHPMailer\PHPMailer $mailer ): void {
		self::reset( $mailer );
		$from = apply_filters( 'wp_mail_from', '' === $this->from ? self::default_sender() : $this->from );
		$name = apply_filters( 'wp_mail_from_name', $this->from_name ?? 'WordPress' );
		// WordPress leaves the envelope sender to PHP, except in 6.9.0.
		$mailer->setFrom( (string) $from, (string) $name, false );
		$mailer->Subject = $this->subject;
		$mailer->Body    = $this->body;
		$this->address( $mailer );
		$mailer->isMail();
		$type                = apply_filters( 'wp_mail_content_type', '' === $this->content_type ? 'text/plain' : $this->content_type );
		$mailer->ContentType = (string) $type;
		if ( 'text/html' === $type ) {
			$mailer->isHTML( true );
		}
		$mailer->CharSet = (string) apply_filters( 'wp_mail_charset', '' === $this->charset ? get_bloginfo( 'charset' ) : $this->charset );
		foreach ( $this->headers as [ $header, $content ] ) {
			self::try_to( fn () => $mailer->addCustomHeader( $header, $content ) );
		}
		if ( '' !== $this->boundary && false !== stripos( (string) $type, 'multipart' ) ) {
			$mailer->addCustomHeader( "Content-Type: $type; boundary=\"$this->boundary\"" );
		}
		$this->attach( $mailer );
	}

	/** Removes what is left of a message that the mailer sent before. */
	private static function reset( \PHPMailer\PHPMailer\PHPMailer $mailer ): void {
		$mailer->clearAllRecipients();
		$mailer->clearReplyTos();
		$mailer->clearAttachments();
		$mailer->clearCustomHeaders();
		$mailer->Body     = '';
		$mailer->AltBody  = '';
		$mailer->Encoding = \PHPMailer\PHPMailer\PHPMailer::ENCODING_8BIT;
	}

	private function address( \PHPMailer\PHPMailer\PHPMailer $mailer ): void {
		$add = array(
			'to'       => 'addAddress',
			'cc'       => 'addCC',
			'bcc'      => 'addBCC',
			'reply-to' => 'addReplyTo',
		);
		foreach ( $this->addresses as $list => $addresses ) {
			foreach ( $addresses as $written ) {
				[ $address, $name ] = self::parse( $written );
				self::try_to( fn () => $mailer->{ $add[ $list ] }( $address, $name ) );
			}
		}
	}

	private function attach( \PHPMailer\PHPMailer\PHPMailer $mailer ): void {
		foreach ( $this->attachments as $name => $path ) {
			self::try_to( fn () => $mailer->addAttachment( (string) $path, is_string( $name ) ? $name : '' ) );
		}
		foreach ( $this->embeds as $id => $path ) {
			$part = apply_filters(
				'wp_mail_embed_args',
				array(
					'path'        => $path,
					'cid'         => (string) $id,
					'name'        => basename( (string) $path ),
					'encoding'    => 'base64',
					'type'        => '',
					'disposition' => 'inline',
				)
			);
			self::try_to( fn () => $mailer->addEmbeddedImage( $part['path'], $part['cid'], $part['name'], $part['encoding'], $part['type'], $part['disposition'] ) );
		}
	}

	/** As in WordPress, an address or a file that PHPMailer rejects is left out. */
	private static function try_to( callable $add ): void {
		try {
			$add();
		} catch ( \PHPMailer\PHPMailer\Exception $e ) {
			return;
		}
	}

	private function header( string $line ): void {
		if ( false === strpos( $line, ':' ) ) {
			if ( preg_match( '/boundary=\s*["\']?([^"\'\s;]+)/i', $line, $found ) ) {
				$this->boundary = $found[1];
			}
			return;
		}
		[ $name, $content ] = array_map( 'trim', explode( ':', $line, 2 ) );
		switch ( strtolower( $name ) ) {
			case 'from':
				[ $this->from, $this->from_name ] = array_map( 'trim', self::parse( $content ) );
				$this->from_name                  = '' === $this->from_name ? null : $this->from_name;
				break;
			case 'content-type':
				$this->content_type( $content );
				break;
			case 'cc':
			case 'bcc':
			case 'reply-to':
				$this->addresses[ strtolower( $name ) ] = array_merge( $this->addresses[ strtolower( $name ) ], self::split( $content ) );
				break;
			case 'mime-version':
			case 'x-mailer':
				// PHPMailer sets its own.
				break;
			default:
				$this->headers[] = array( $name, $content );
		}
	}

	private function content_type( string $content ): void {
		[ $type, $parameters ] = array_map( 'trim', explode( ';', $content, 2 ) ) + array( 1 => '' );
		$this->content_type    = '' === $type ? $this->content_type : $type;
		if ( preg_match( '/charset\s*=\s*["\']?([^"\'\s;]+)/i', $parameters, $found ) ) {
			$this->charset = $found[1];
		}
		if ( preg_match( '/boundary\s*=\s*["\']?([^"\'\s;]+)/i', $parameters, $found ) ) {
			$this->boundary = $found[1];
			$this->charset  = '';
		}
	}

	/** @return array{string, string} address and name of "Name <address>" or of an address alone. */
	private static function parse( string $written ): array {
		return preg_match( '/^(.*)<(.+)>/s', $written, $parts )
			? array( trim( $parts[2] ), trim( str_replace( '"', '', $parts[1] ) ) )
			: array( trim( $written ), '' );
	}

	/**
	 * @param string|string[] $addresses separated by commas, or a list.
	 * @return string[]
	 */
	private static function split( $addresses ): array {
		return is_array( $addresses ) ? array_map( 'strval', $addresses ) : array_filter( array_map( 'trim', explode( ',', (string) $addresses ) ), 'strlen' );
	}

	/**
	 * @param string|array $text lines, or a list.
	 * @return array<int|string, string>
	 */
	private static function lines( $text ): array {
		return is_array( $text ) ? $text : array_filter( explode( "\n", str_replace( "\r\n", "\n", (string) $text ) ), 'strlen' );
	}

	/** WordPress' default sender. */
	public static function default_sender(): string {
		$host = (string) wp_parse_url( network_home_url(), PHP_URL_HOST );
		// If WP_HOME is set from the request, a command has no host, and WordPress' own mail fails.
		$host = '' === $host ? 'localhost.localdomain' : $host;
		return 'wordpress@' . ( 0 === strpos( $host, 'www.' ) ? substr( $host, 4 ) : $host );
	}
}
