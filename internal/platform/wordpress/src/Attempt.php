<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** Sends one test message through one connection, and returns the result as the contract defines it. */
final class Attempt {
	private const SECONDS = 60;

	/** Gives spam filters no reason to act: ASCII, no link, and nothing that the caller chose. */
	private const BODY = "This is a test message.\n\nIt was sent to test the outgoing mail settings of a site.\n"
		. "If you are reading this, they work, and there is nothing to do.\n\nTest %s\n";

	private Connection $connection;
	private ?string $message_id = null;
	private float $deadline;
	private Settings $settings;
	private ?Secret $password;
	private string $recipient;
	private bool $as_mail;

	/** @param bool $as_mail whether to send it as the site sends its own mail; the settings must then be the saved ones. */
	public function __construct( Settings $settings, ?Secret $password, string $recipient, bool $as_mail ) {
		$this->as_mail    = $as_mail;
		$this->settings   = $settings;
		$this->password   = $password;
		$this->recipient  = $recipient;
		$this->deadline   = microtime( true ) + self::SECONDS;
		$this->connection = new Connection( $settings, $password, $this->deadline );
	}

	/** @return array<string, mixed> members of a test in the contract. */
	public function run(): array {
		$c = $this->connection;
		try {
			$sent = $this->send();
		} catch ( \Throwable $e ) {
			$sent       = false;
			$c->fault ??= 'internal error of the site: ' . get_class( $e );
		}
		$fault  = $c->fault;
		$words  = $this->words();
		$reply  = null === $fault ? $words->reply( $c->getLastReply() ) : null;
		$status = $this->status( $sent, $reply );
		if ( 'passed' === $status ) {
			$c->pass();
		}
		$result = array(
			'status'     => $status,
			'stage'      => '' === $c->stage ? null : $c->stage,
			'reply'      => $reply,
			'error'      => null === $fault && null === $c->challenge ? null : $words->line( $fault ?? $c->challenge ),
			'stages'     => $c->stages,
			'message_id' => $this->message_id,
			'tested_at'  => Clock::now(),
		);
		if ( null === $fault ) {
			$c->quit();
		} elseif ( 'tls' === $c->stage && str_contains( $fault, 'ertificate' ) ) {
			$result = array_merge( $result, $this->refused_certificate() );
		}
		return $result;
	}

	private function words(): Words {
		$c = $this->connection;
		return new Words( $this->settings, $this->password, $c->has_sent_recipients() ? $this->recipient : '', $c->token() );
	}

	private function send(): bool {
		$c = $this->connection;
		if ( $this->as_mail ) {
			return $this->send_as_mail();
		}
		if ( ! $c->open() ) {
			return false;
		}
		$message          = $this->compose();
		$this->message_id = trim( $message->getLastMessageID(), '<>' );
		return $c->mail( $this->settings->from_address ) && $c->recipient( $this->recipient ) && $c->data( $message->getSentMIMEMessage() );
	}

	/** A test of the saved settings is sent as all mail of the site is. */
	private function send_as_mail(): bool {
		$c                = $this->connection;
		$token            = bin2hex( random_bytes( 5 ) );
		$this->message_id = Mail::send_test( $c, $this->recipient, "Test of the mail settings $token", sprintf( self::BODY, $token ) );
		if ( '' === $c->stage ) {
			$c->fault ??= Path::obstacle() ?? 'the message never reached the mail settings: a plugin intercepts mail with the filter pre_wp_mail, and blocks it or sends it itself';
		}
		$this->message_id = '' === $this->message_id ? null : $this->message_id;
		return $c->handed_over && '2' === substr( $c->getLastReply(), 0, 1 );
	}

	private function compose(): \PHPMailer\PHPMailer\PHPMailer {
		$token             = bin2hex( random_bytes( 5 ) );
		$message           = new \PHPMailer\PHPMailer\PHPMailer( true );
		$message->CharSet  = \PHPMailer\PHPMailer\PHPMailer::CHARSET_UTF8;
		$message->Hostname = substr( strrchr( $this->settings->from_address, '@' ), 1 );
		$message->Subject  = "Test of the mail settings $token";
		$message->Body     = sprintf( self::BODY, $token );
		$message->setFrom( $this->settings->from_address, $this->settings->from_name, false );
		$message->addAddress( $this->recipient );
		if ( '' !== $this->settings->reply_to ) {
			$message->addReplyTo( $this->settings->reply_to );
		}
		// No vacation notices in return (RFC 3834 section 5).
		$message->addCustomHeader( 'Auto-Submitted', 'auto-generated' );
		$message->preSend();
		return $message;
	}

	/** After the final dot, only a reply tells whether the server accepted the message (RFC 5321 section 4.2.1). */
	private function status( bool $sent, ?array $reply ): string {
		$class = intdiv( $reply['code'] ?? 0, 100 );
		if ( $sent || ( $this->connection->handed_over && 2 === $class ) ) {
			return 'passed';
		}
		return $this->connection->handed_over && $class < 4 ? 'in_doubt' : 'failed';
	}

	/** Why the certificate was refused, and what it says. PHP shows only a certificate that was accepted, so it is fetched again. */
	private function refused_certificate(): array {
		$look = new Connection( $this->settings, null, $this->deadline, false );
		$look->open();
		$look->close();
		$seen = $look->certificate;
		if ( null === $seen ) {
			return array();
		}
		$words  = $this->words();
		$names  = preg_replace( '/(DNS|IP Address):/', '', $seen['extensions']['subjectAltName'] ?? '' );
		$issuer = array();
		foreach ( $seen['issuer'] as $key => $value ) {
			$issuer[] = "$key=" . implode( '+', (array) $value );
		}
		return array(
			'error'       => $words->line( 'tls: failed to verify certificate: x509: ' . $this->why_refused( $seen, $names ) ),
			'certificate' => array(
				'names'     => array_map( array( $words, 'line' ), preg_split( '/,\s*/', $names, -1, PREG_SPLIT_NO_EMPTY ) ),
				'issuer'    => $words->line( implode( ', ', $issuer ) ),
				'not_after' => gmdate( 'Y-m-d\TH:i:s\Z', $seen['validTo_time_t'] ),
			),
		);
	}

	/** In the words of Go, which the provider's diagnosis recognises: PHP says little more than that it was refused. */
	private function why_refused( array $seen, string $names ): string {
		$time = static fn ( int $time ): string => gmdate( 'Y-m-d\TH:i:s\Z', $time );
		$when = 'certificate has expired or is not yet valid: current time ' . $time( time() );
		if ( time() > $seen['validTo_time_t'] ) {
			return "$when is after " . $time( $seen['validTo_time_t'] );
		}
		if ( time() < $seen['validFrom_time_t'] ) {
			return "$when is before " . $time( $seen['validFrom_time_t'] );
		}
		return str_contains( $this->connection->fault, 'did not match' )
			? "certificate is valid for $names, not {$this->settings->host}" : 'certificate signed by unknown authority';
	}
}
