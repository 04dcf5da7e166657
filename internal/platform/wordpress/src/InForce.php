<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * What sends the site's mail as long as this plugin manages none, and whether that can be taken over: with its settings as they are,
 * and with the password that the other plugin has stored. That password is used for nothing but the mail server and the login
 * that the other plugin itself sends it to, and leaves the site in no answer.
 */
final class InForce {
	/** What may be another setting than in force: none that says where a password goes, or for whom. */
	private const SENDER = array( 'from_address', 'from_name', 'reply_to', 'helo_name' );

	/** Name and version of what sends. */
	public string $by;
	/** One of: smtp, api (the HTTP API of a mail service), local (PHP's mail()), none (nothing is sent), unknown. */
	public string $transport;
	/** Of smtp; null where they are not known, or must not be shown. */
	public ?Settings $settings = null;
	/** Null where there is none, or it cannot be read. */
	public ?Secret $password = null;
	/** Why it cannot be taken over, in sentences; empty where it can. */
	public string $obstacle;

	private function __construct( string $by, string $transport, string $obstacle ) {
		$this->by        = $by;
		$this->transport = $transport;
		$this->obstacle  = $obstacle;
	}

	/** What cannot be taken over. */
	public static function other( string $by, string $transport, string $obstacle ): self {
		return new self( $by, $transport, $obstacle );
	}

	/**
	 * SMTP with these settings.
	 *
	 * @param array{host: string, port: int, secure: string, opportunistic: bool, username: string, password: ?string,
	 *        from_address: string, from_name: string, reply_to?: string} $s
	 *        secure as PHPMailer has it (ssl, tls); opportunistic: STARTTLS is used where the server offers it; username empty for no login; password null where it cannot be read.
	 * @param string $obstacle why they cannot be taken over; empty for no reason known yet.
	 */
	public static function smtp( string $by, array $s, string $obstacle = '' ): self {
		$settings               = new Settings();
		$settings->host         = self::shown( trim( $s['host'] ) );
		$settings->port         = $s['port'];
		$settings->encryption   = self::encryption( $s );
		$settings->username     = self::shown( $s['username'] );
		$settings->from_address = self::shown( trim( $s['from_address'] ) );
		$settings->from_name    = self::shown( trim( $s['from_name'] ) );
		$settings->reply_to     = self::shown( trim( $s['reply_to'] ?? '' ) );
		$found                  = new self( $by, 'smtp', $obstacle );
		$found->settings        = $settings;
		if ( '' !== $s['username'] && '' !== (string) $s['password'] ) {
			$found->password = new Secret( $s['password'] );
		}
		$found->judge();
		return $found;
	}

	/** What sends the mail of this site. */
	public static function find(): self {
		$found = OtherMailers::loaded();
		if ( count( $found ) > 1 ) {
			$names = implode( ' and ', array_column( $found, 'by' ) );
			return new self( $names, 'unknown', 'Several plugins are set up to send the mail of this site. Deactivate all but one.' );
		}
		if ( array() === $found ) {
			return OtherMailers::unknown();
		}
		$usurper = OtherMailers::usurper();
		return '' === $usurper ? $found[0] : new self( "{$found[0]->by} and $usurper", 'unknown', 'Both are set up to send the mail of this site. Deactivate one of them.' );
	}

	/** Of the contract; null while these settings manage the mail of the site. */
	public static function document( Record $record ): ?array {
		if ( self::is_managed( $record ) ) {
			return null;
		}
		$found = self::find();
		return array(
			'by'                => $found->by,
			'transport'         => $found->transport,
			'settings'          => null === $found->settings ? null : $found->settings->values(),
			'password_readable' => null !== $found->password,
			'obstacle'          => '' === $found->obstacle ? null : $found->obstacle,
		);
	}

	/**
	 * The password that sends the site's mail, for settings that lead where it goes already.
	 *
	 * @throws Problem where they lead elsewhere, or it cannot be taken over.
	 */
	public static function password_for( Settings $settings ): ?Secret {
		Check::candidate( $settings, null );
		$found = self::find();
		if ( '' !== $found->obstacle ) {
			throw new Problem( 'not_in_force', "$found->by cannot be adopted: $found->obstacle" );
		}
		$differ = array_values( array_diff( $settings->diff( $found->settings ), self::SENDER ) );
		if ( array() !== $differ ) {
			$names = implode( ', ', $differ );
			$detail = "$found->by sends with a different $names: a stored password is used only with the settings it was entered for.";
			throw new Problem( 'not_in_force', $detail, array( 'field' => $differ[0] ) );
		}
		return $found->password;
	}

	/** Refuses to take over what does not send: the mail of the site is managed already. */
	public static function check_sends( Record $record ): void {
		if ( self::is_managed( $record ) ) {
			throw new Problem( 'not_in_force', 'The mail of this site is already managed, so no other plugin sends it.' );
		}
	}

	private static function is_managed( Record $record ): bool {
		return '' !== $record->fault || $record->settings->is_configured();
	}

	/** Finds what stands against taking it over. */
	private function judge(): void {
		if ( Secret::same( $this->password, new Secret( $this->settings->username ) ) && null !== $this->password ) {
			$this->settings = null;
			$this->password = null;
			$this->obstacle = 'Its username is also its password, and settings are not secret. Set username and password instead.';
			return;
		}
		if ( '' !== $this->obstacle ) {
			return;
		}
		if ( '' !== $this->settings->username && null === $this->password ) {
			$this->obstacle = 'Its password is missing, or cannot be read with the keys of this site. Save it again in that plugin, or set the password in the configuration.';
			return;
		}
		try {
			Check::candidate( $this->settings, $this->password );
		} catch ( Problem $problem ) {
			$this->obstacle = $problem->getMessage();
		}
	}

	/** STARTTLS that is used where the server offers it is required from now on, unless nobody could listen. */
	private static function encryption( array $s ): string {
		$known = array(
			'ssl' => 'tls',
			'tls' => 'starttls',
		);
		return $known[ $s['secure'] ] ?? ( $s['opportunistic'] && ! Check::is_loopback( trim( $s['host'] ) ) ? 'starttls' : 'none' );
	}

	/** Of what another plugin has stored, as much as a setting may hold. */
	private static function shown( string $value ): string {
		return mb_substr( wp_check_invalid_utf8( $value ), 0, 1000 );
	}
}
