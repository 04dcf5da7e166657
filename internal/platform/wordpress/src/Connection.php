<?php

declare( strict_types = 1 );

namespace SiteSMTP;

Plugin::load_phpmailer();

/**
 * PHPMailer's SMTP client, made strict: it dials only addresses that are allowed, insists on STARTTLS and on a
 * certificate for the host, sends a password only inside TLS or to this machine, and reads replies within bounds.
 * Tests and the site's own mail both go through it, so that what passed a test is what mail does.
 */
final class Connection extends \PHPMailer\PHPMailer\SMTP {
	private const MAX_REPLY_BYTES = 65536;

	/** SASL mechanisms for a password and for an access token. The first that the server offers is used. */
	private const PASSWORD_LOGINS = array( 'PLAIN', 'LOGIN', 'CRAM-MD5' );
	private const TOKEN_LOGINS    = array( 'XOAUTH2', 'OAUTHBEARER' );

	/** How many seconds a test waits for a reply; for QUIT and RSET this also applies to mail. */
	private const REPLY_SECONDS = array(
		'banner' => 15,
		'data'   => 30,
		'quit'   => 3,
		'rset'   => 5,
	);

	/** The current stage. */
	public string $stage = '';

	/** @var list<array{stage: string, milliseconds: int}> the completed stages. */
	public array $stages = array();

	/** The error, unless a reply of the server says it. */
	public ?string $fault = null;

	/** The server's certificate, as openssl_x509_parse returns it. */
	public ?array $certificate = null;

	/** The challenge with which the server refuses a token, in addition to its reply. */
	public ?string $challenge = null;

	/** Whether the server may have the whole message. */
	public bool $handed_over = false;

	private Settings $settings;
	private ?Secret $password;
	private ?float $deadline;
	private bool $verify;
	private ?Secret $token       = null;
	private string $address      = '';
	private string $unread       = '';
	private int $mails           = 0;
	private bool $encrypted      = false;
	private float $stage_started = 0;

	/**
	 * @param ?float $deadline when a test ends; null for mail, which uses PHPMailer's timeouts.
	 * @param bool   $verify   false accepts any certificate, to read it.
	 */
	public function __construct( Settings $settings, ?Secret $password, ?float $deadline = null, bool $verify = true ) {
		$this->settings = $settings;
		$this->password = $password;
		$this->deadline = $deadline;
		$this->verify   = $verify;
	}

	/** How many mails were sent through it. */
	public function mails(): int {
		return $this->mails;
	}

	/** Whether the server has seen parts of a mail, which it may repeat: they are sent after the login. */
	public function has_sent_recipients(): bool {
		return in_array( $this->stage, array( 'rcpt', 'data' ), true );
	}

	/** Starts the next mail. */
	public function begin(): void {
		$this->stage = '';
		$this->fault = null;
	}

	/** Whether it is open, and the server responds and is ready for a mail. */
	public function is_ready(): bool {
		if ( ! is_resource( $this->smtp_conn ) ) {
			return false;
		}
		$this->stage = 'rset';
		$ready       = $this->sendCommand( 'RSET', 'RSET', 250 );
		$this->begin();
		return $ready;
	}

	/** PHPMailer does this after each mail; here, is_ready does it before the next. */
	public function reset() {
		return true;
	}

	/** Connects, secures the connection and logs in. A test fetches a new token, because a kept token would hide a revoked client secret. */
	public function open(): bool {
		$with_token  = null !== $this->password && '' !== $this->settings->grant;
		$this->token = $with_token && null === $this->deadline ? TokenEndpoint::kept( $this->settings, $this->password ) : null;
		$kept        = null !== $this->token;
		if ( $this->log_in() ) {
			return true;
		}
		if ( ! $kept || 'auth' !== $this->stage ) {
			return false;
		}
		$this->token = null;
		return $this->log_in();
	}

	/** The access token of this connection, if it logs in with one. */
	public function token(): ?Secret {
		return $this->token;
	}

	private function log_in(): bool {
		$this->renew();
		$name = $this->settings->greeting_name();
		return $this->obtain_token()
			&& $this->connect( '' )
			&& $this->hello( $name )
			&& ( 'starttls' !== $this->settings->encryption || ( $this->startTLS() && $this->hello( $name ) ) )
			&& ( null === $this->password || $this->authenticate( '', '' ) );
	}

	/** Obtains the token before the mail server is dialled, which would otherwise wait for the token endpoint. */
	private function obtain_token(): bool {
		if ( null !== $this->token || null === $this->password || '' === $this->settings->grant ) {
			return true;
		}
		$this->enter( 'token' );
		try {
			$this->token = TokenEndpoint::fetch( $this->settings, $this->password, null === $this->deadline );
			return true;
		} catch ( \RuntimeException $e ) {
			return $this->fail( $e->getMessage() );
		}
	}

	/** Closes and forgets an earlier connection. */
	private function renew(): void {
		$this->close();
		$this->begin();
		$this->stages      = array();
		$this->last_reply  = '';
		$this->unread      = '';
		$this->mails       = 0;
		$this->encrypted   = false;
		$this->challenge   = null;
		$this->handed_over = false;
	}

	/** Records that the current stage was completed. */
	public function pass(): void {
		$this->stages[] = array(
			'stage'        => $this->stage,
			'milliseconds' => (int) round( ( microtime( true ) - $this->stage_started ) * 1000 ),
		);
	}

	/** HELO is only for servers that do not know EHLO (RFC 5321 section 3.2), not for servers that refuse it. */
	public function hello( $host = '' ) {
		$this->enter( 'ehlo' );
		return $this->sendHello( 'EHLO', $host )
			|| ( preg_match( '/^50[02]/', $this->last_reply ) && $this->sendHello( 'HELO', $host ) );
	}

	/** Reads what the server offers. Keywords are case-insensitive (RFC 5321 section 4.1.1.1). */
	protected function parseHelloFields( $type ) {
		$this->server_caps = array( $type => true );
		foreach ( array_slice( explode( "\n", $this->helo_rply ), 1 ) as $line ) {
			// Servers wrote AUTH=LOGIN before RFC 2554, and some still do.
			$words   = preg_split( '/[\s=]+/', strtoupper( substr( $line, 4 ) ), -1, PREG_SPLIT_NO_EMPTY );
			$keyword = array_shift( $words );
			if ( null !== $keyword ) {
				$this->server_caps[ $keyword ] = array_merge( $this->server_caps[ $keyword ] ?? array(), $words );
			}
		}
	}

	public function startTLS() {
		$this->enter( 'starttls' );
		if ( ! isset( $this->server_caps['STARTTLS'] ) ) {
			// An attacker in between may have removed the offer (RFC 3207 section 6).
			return $this->fail( "server doesn't support STARTTLS" );
		}
		if ( ! $this->sendCommand( 'STARTTLS', 'STARTTLS', 220 ) ) {
			return false;
		}
		if ( '' !== $this->unread || stream_get_meta_data( $this->smtp_conn )['unread_bytes'] > 0 ) {
			// It would be treated as if it came inside TLS (CVE-2011-0411).
			return $this->fail( 'data arrived before TLS: somebody on the way may have injected it' );
		}
		return $this->secure( $this->smtp_conn );
	}

	/** Logs in with the password or token of the connection. PHPMailer itself never knows the password. */
	public function authenticate( $username, $password, $authtype = null, $OAuth = null ) {
		$this->enter( 'auth' );
		if ( ! $this->encrypted && ! Networks::contain( Networks::LOOPBACK, $this->address ) ) {
			return $this->fail( "refusing to send the password over an unencrypted connection to {$this->settings->host}" );
		}
		$kind    = null === $this->token ? 'password' : 'token';
		$offered = $this->server_caps['AUTH'] ?? array();
		$chosen  = current( array_intersect( 'token' === $kind ? self::TOKEN_LOGINS : self::PASSWORD_LOGINS, $offered ) );
		if ( false === $chosen ) {
			$only = implode( ' ', $offered );
			return $this->fail( '' === $only ? "server doesn't support AUTH" : "server offers no login with a $kind, only $only" );
		}
		return 'token' === $kind ? $this->send_token( $chosen ) : parent::authenticate( $this->settings->username, $this->password->reveal(), $chosen );
	}

	/**
	 * PHPMailer's XOAUTH2, with an OAuthTokenProvider, is not used: it puts the token into the command, which may have only 512 octets (RFC 4954
	 * section 4), and answers the challenge of a refusal with QUIT, so that the reply with the reason is lost.
	 */
	private function send_token( string $mechanism ): bool {
		$user     = $this->settings->username;
		$bearer   = "auth=Bearer {$this->token->reveal()}\x01\x01";
		$xoauth2  = 'XOAUTH2' === $mechanism;
		$name     = str_replace( array( '=', ',' ), array( '=3D', '=2C' ), $user );
		$response = $xoauth2 ? "user=$user\x01$bearer" : "n,a=$name,\x01$bearer";
		if ( ! $this->sendCommand( 'AUTH', "AUTH $mechanism", 334 ) ) {
			return false;
		}
		if ( $this->sendCommand( 'Token', base64_encode( $response ), 235 ) ) {
			return true;
		}
		if ( str_starts_with( $this->last_reply, '334' ) ) {
			$this->challenge = (string) base64_decode( substr( $this->last_reply, 4 ) );
			$this->sendCommand( 'Token', $xoauth2 ? '' : base64_encode( "\x01" ), 235 );
		}
		return false;
	}

	/** The envelope sender is always that of the settings. */
	public function mail( $from ) {
		$this->enter( 'mail' );
		++$this->mails;
		return parent::mail( $this->settings->from_address );
	}

	public function recipient( $address, $dsn = '' ) {
		$this->enter( 'rcpt' );
		return parent::recipient( $address, $dsn );
	}

	public function data( $msg_data ) {
		$this->enter( 'data' );
		return parent::data( $msg_data );
	}

	/** The result of QUIT is not part of the result. PHPMailer sends it even after a greeting that refuses. */
	public function quit( $close_on_error = true ) {
		$before      = array( $this->stage, $this->last_reply, $this->fault );
		$this->stage = 'quit';
		$ok          = parent::quit( $close_on_error );

		[ $this->stage, $this->last_reply, $this->fault ] = $before;
		return $ok;
	}

	public function client_send( $data, $command = '' ) {
		$this->handed_over = $this->handed_over || 'DATA END' === $command;
		return is_resource( $this->smtp_conn ) ? parent::client_send( $data, $command ) : false;
	}

	/** Connects to the server of the settings, whatever PHPMailer was told. */
	protected function getSMTPConnection( $host, $port = null, $timeout = 30, $options = array() ) {
		$conn = $this->dial( $this->settings->host, $this->settings->port );
		if ( false === $conn ) {
			return false;
		}
		if ( 'tls' === $this->settings->encryption && ! $this->secure( $conn ) ) {
			fclose( $conn );
			return false;
		}
		$this->enter( 'banner' );
		return $conn;
	}

	/** Reads all lines of one reply. After an error it returns nothing, and the connection is closed. */
	protected function get_lines() {
		$seconds = self::REPLY_SECONDS[ $this->stage ] ?? 10;
		if ( null === $this->deadline && ! in_array( $this->stage, array( 'quit', 'rset' ), true ) ) {
			$seconds = $this->Timelimit;
		}
		$until = min( microtime( true ) + $seconds, $this->deadline ?? INF );
		$reply = '';
		while ( is_resource( $this->smtp_conn ) ) {
			while ( preg_match( '/^(.*)\n/', $this->unread, $line ) ) {
				$this->unread = substr( $this->unread, strlen( $line[0] ) );
				$reply       .= $line[0];
				if ( ! preg_match( '/^[2-5]\d{2}([ \r-]|$)/', $line[1] ) ) {
					$this->fail( 'invalid response code: not a mail server' );
					return '';
				}
				if ( '-' !== substr( $line[1], 3, 1 ) ) {
					return $reply;
				}
			}
			$this->read_until( $until, strlen( $reply ) );
		}
		return '';
	}

	private function read_until( float $until, int $had ): void {
		$left = $until - microtime( true );
		if ( $left <= 0 ) {
			$this->fail( 'i/o timeout' );
			return;
		}
		stream_set_timeout( $this->smtp_conn, (int) $left, (int) ( fmod( $left, 1 ) * 1e6 ) );
		// PHP raises a notice for a reset connection; here it is the end of the stream.
		$chunk         = (string) @fread( $this->smtp_conn, 8192 );
		$this->unread .= $chunk;
		if ( '' === $chunk && feof( $this->smtp_conn ) ) {
			$this->fail( 'EOF' );
		} elseif ( preg_match( '/^[\x15\x16]\x03/', $this->unread ) && 'banner' === $this->stage ) {
			$this->fail( 'short response: "\\x15\\x03": the server speaks TLS from the beginning' );
		} elseif ( $had + strlen( $this->unread ) > self::MAX_REPLY_BYTES ) {
			$this->fail( 'server sent more data than allowed' );
		}
	}

	/** Connects to the first address of the host that responds. */
	private function dial( string $host, int $port ): mixed {
		if ( ! filter_var( $host, FILTER_VALIDATE_IP ) ) {
			$this->enter( 'dns' );
		}
		$addresses = Dialer::addresses( $host );
		if ( array() !== $addresses ) {
			$this->enter( 'connect' );
		}
		[ $conn, $this->address, $fault ] = Dialer::connect( $host, $port, $addresses, $this->verify );
		return false === $conn ? $this->fail( $fault ) : $conn;
	}

	/** The TLS handshake, implicit or behind STARTTLS. */
	private function secure( $conn ): bool {
		$this->enter( 'tls' );
		$fault             = Dialer::encrypt( $conn );
		$this->encrypted   = '' === $fault;
		$certificate       = stream_context_get_options( $conn )['ssl']['peer_certificate'] ?? null;
		$this->certificate = null === $certificate ? null : openssl_x509_parse( $certificate );
		return $this->encrypted || $this->fail( $fault );
	}

	/** Completes the current stage and begins the next. */
	private function enter( string $stage ): void {
		if ( '' !== $this->stage ) {
			$this->pass();
		}
		$this->stage         = $stage;
		$this->stage_started = microtime( true );
	}

	private function fail( string $why ): bool {
		$this->fault ??= $why;
		$this->setError( $why );
		$this->close();
		return false;
	}
}
