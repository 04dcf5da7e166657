<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * What sends the site's mail while this plugin manages none, and whether it can be adopted: with its settings as they are, and with the
 * password that the other plugin has stored. That password is used only for the mail server and the login for which the other plugin uses
 * it, and is never part of a response.
 */
final class InForce {
	/** The settings that may differ from those in force: none of them decides where the password goes, or for which login. */
	private const SENDER = array( 'from_address', 'from_name', 'reply_to', 'helo_name' );

	/** Name and version of the sending plugin. */
	public string $by;
	/** One of: smtp, api (the HTTP API of a mail service), local (PHP's mail()), none (nothing is sent), unknown. */
	public string $transport;
	/** The settings of transport smtp; null if they are unknown, or must not be shown. */
	public ?Settings $settings = null;
	/** Null if there is none, or it cannot be read. */
	public ?Secret $password = null;
	/** Why it cannot be adopted, in sentences; empty if it can. */
	public string $obstacle;

	private function __construct( string $by, string $transport, string $obstacle ) {
		$this->by        = $by;
		$this->transport = $transport;
		$this->obstacle  = $obstacle;
	}

	/** A sender that cannot be adopted. */
	public static function other( string $by, string $transport, string $obstacle ): self {
		return new self( $by, $transport, $obstacle );
	}

	/**
	 * SMTP with these settings.
	 *
	 * @param array{host: string, port: int, secure: string, opportunistic: bool, username: string, password: ?string,
	 *        from_address: string, from_name: string, reply_to?: string} $s
	 *        secure as in PHPMailer (ssl, tls); opportunistic: STARTTLS is used if the server offers it; username empty for no login; password null if it cannot be read.
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

	/** What sends the mail of this site now. */
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

	/** The member in_force of the contract; null while this plugin manages the mail of the site. */
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
	 * The password with which the site's mail is sent now, for settings that use it in the same place.
	 *
	 * @throws Problem if the settings differ in that, or cannot be adopted.
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

	/** Refuses to adopt a plugin that does not send, because the mail of the site is already managed. */
	public static function check_sends( Record $record ): void {
		if ( self::is_managed( $record ) ) {
			throw new Problem( 'not_in_force', 'The mail of this site is already managed, so no other plugin sends it.' );
		}
	}

	private static function is_managed( Record $record ): bool {
		return '' !== $record->fault || $record->settings->is_configured();
	}

	/** Sets the obstacle to an adoption, if there is one. */
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

	/** Opportunistic STARTTLS becomes required, except on this machine. */
	private static function encryption( array $s ): string {
		$known = array(
			'ssl' => 'tls',
			'tls' => 'starttls',
		);
		return $known[ $s['secure'] ] ?? ( $s['opportunistic'] && ! Check::is_loopback( trim( $s['host'] ) ) ? 'starttls' : 'none' );
	}

	/** What another plugin has stored, cut to the length of a setting. */
	private static function shown( string $value ): string {
		return mb_substr( wp_check_invalid_utf8( $value ), 0, 1000 );
	}
}
