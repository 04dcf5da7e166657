<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** What the site holds. Rows that do not prove themselves are read as if what they lack had never been there. */
final class Record {
	/** What of_stored reads and to_row writes; proof covers all the others. */
	private const MEMBERS = array( 'settings', 'enabled', 'revision', 'updated_at', 'updated_by', 'last_write', 'key', 'password', 'verification', 'place' );

	public Settings $settings;
	public bool $enabled       = false;
	public int $revision       = 0;
	public ?string $updated_at = null;
	public ?string $updated_by = null;
	/** @var ?array{id: string, mark: string} */
	public ?array $last_write   = null;
	public ?string $password_id = null;
	public ?Secret $password    = null;
	/** @var ?array{tested_at: string, recipient: string, reply: string, message_id: string} of these settings and this password. */
	public ?array $verification = null;
	/** Why mail is off although it was enabled, or the password is gone although one was set. */
	public string $fault = '';
	/** Nothing but the revision is known, if that: the row is damaged. */
	public bool $unreadable = false;

	public function __construct() {
		$this->settings = new Settings();
	}

	/**
	 * The record of a row. One that cannot be read has a fault, so that a write can replace it.
	 *
	 * @return array{self, bool} the record, and whether its row should be made anew with the present key.
	 */
	public static function from_row( ?string $row ): array {
		if ( null === $row ) {
			return array( new self(), false );
		}
		$stored = json_decode( $row, true, 8 );
		try {
			return self::of_stored( is_array( $stored ) ? $stored : array() );
		} catch ( Problem $problem ) {
			// The database's, not the row's.
			throw $problem;
		} catch ( \Throwable $e ) {
			$r             = new self();
			$r->unreadable = true;
			$r->fault      = 'The stored mail settings cannot be read.';
			$r->revision   = is_int( $stored['revision'] ?? null ) ? $stored['revision'] : 0;
			error_log( sprintf( 'Site SMTP: the stored mail settings cannot be read: %s in line %d', get_class( $e ), $e->getLine() ) );
			return array( $r, false );
		}
	}

	/** @return array{self, bool} as from_row. */
	private static function of_stored( array $stored ): array {
		$first = ! array_key_exists( 'proof', $stored );
		if ( array() !== array_diff( array( ...self::MEMBERS, $first ? 'verified' : 'proof' ), array_keys( $stored ), array( 'place' ) ) ) {
			throw new \UnexpectedValueException();
		}
		$r             = new self();
		$r->settings   = Settings::of( $stored['settings'] );
		$r->revision   = $stored['revision'];
		$r->updated_at = $stored['updated_at'];
		$r->updated_by = $stored['updated_by'];
		if ( $first ) {
			$r->trust_first( $stored );
		} elseif ( Keys::matches( $stored['proof'], self::proven( $stored ) ) ) {
			$r->trust( $stored );
		} elseif ( Keys::has( $stored['key'] ) ) {
			$r->fault = 'The stored mail settings were changed in the database without this plugin, or come from a different site: '
				. 'their password and verification are no longer used.';
		} else {
			$r->fault = 'The stored password cannot be read: it comes from a different site, or the keys in wp-config.php were changed.';
		}
		$renew = ( $first || ! isset( $stored['place'] ) || Keys::name() !== $stored['key'] ) && '' === $r->fault;
		$moved = $r->enabled && isset( $stored['place'] ) ? Place::fault( $stored['place'] ) : null;
		if ( null !== $moved ) {
			$r->enabled = false;
			$r->fault   = $moved;
		}
		return array( $r, $renew && null === $moved );
	}

	/** Takes over what is proven to be as this plugin wrote it. */
	private function trust( array $stored ): void {
		$this->last_write   = $stored['last_write'];
		$this->verification = $stored['verification'];
		$this->enabled      = $stored['enabled'];
		if ( null !== $stored['password'] ) {
			$this->password_id = $stored['password']['id'];
			$this->password    = Keys::open( $stored['password']['sealed'], self::belonging( $this->settings, $this->password_id ) );
		}
	}

	/**
	 * Takes over what a row of version 0.1 proves. Its password is bound to the site, but not to the settings. A mark over
	 * settings and password tells that they belong together: that of a passed test, or that of the write that brought the
	 * password. Without either the password is not used. When the test took place, nothing proves; so the pass keeps mail on
	 * that is on, and turns none on.
	 */
	private function trust_first( array $stored ): void {
		$this->last_write = $stored['last_write'];
		$password         = $stored['password'];
		if ( null !== $password ) {
			$this->password_id = $password['id'];
			$this->password    = Keys::open( $password['sealed'], array( Site::id(), $password['id'] ) );
		}
		$verified = null !== $stored['verification'] && Keys::matches( $stored['verified'], self::of_test( $this->settings, $this->password ) );
		if ( null !== $password && null === $this->password ) {
			$this->fault = 'The stored password cannot be read: it comes from a different site, or the keys in wp-config.php were changed.';
		} elseif ( null !== $password && ! $verified && ! $this->was_written( $stored['enabled'] ) ) {
			$this->fault = 'The stored password is not used: nothing proves that it was entered for these settings.';
		} elseif ( $stored['enabled'] && ! $verified ) {
			$this->fault = 'Mail was enabled with settings that are not verified.';
		}
		if ( '' !== $this->fault ) {
			$this->last_write  = null;
			$this->password    = null;
			$this->password_id = null;
			return;
		}
		$this->enabled = $stored['enabled'];
		if ( $verified && ( $this->enabled || ! Site::is_fresh( $stored['verification'] ) ) ) {
			$this->verification = $stored['verification'];
		}
	}

	/** Whether the last write had these settings and this password. */
	private function was_written( bool $enabled ): bool {
		return null !== $this->last_write && Keys::matches( $this->last_write['mark'], Site::of_write( $this->settings, $this->password, $enabled ) );
	}

	/** This record, where it could be read. */
	public function readable(): self {
		if ( $this->unreadable ) {
			$detail = "$this->fault Clear them (DELETE), or save them again (PUT), with If-Match: \"$this->revision\".";
			throw new Problem( 'internal', $detail, array( 'revision' => (string) $this->revision ) );
		}
		return $this;
	}

	public function to_row(): string {
		$row          = array(
			'settings'     => $this->settings->values(),
			'enabled'      => $this->enabled,
			'revision'     => $this->revision,
			'updated_at'   => $this->updated_at,
			'updated_by'   => $this->updated_by,
			'last_write'   => $this->last_write,
			'key'          => Keys::name(),
			'password'     => null === $this->password ? null : array(
				'id'     => $this->password_id,
				'sealed' => Keys::seal( $this->password, self::belonging( $this->settings, $this->password_id ) ),
			),
			'verification' => $this->verification,
			'place'        => Place::here(),
		);
		$row['proof'] = Keys::mark( self::proven( $row ) );
		return wp_json_encode( $row );
	}

	/** What the proof covers: this site and every member of the row. */
	private static function proven( array $row ): array {
		return array( 'record', Site::id(), array_intersect_key( $row, array_flip( self::MEMBERS ) ) );
	}

	/** What a password belongs to: this site, every setting, and its id. It opens with nothing else. */
	private static function belonging( Settings $settings, string $id ): array {
		return array( Site::id(), $settings->marked(), $id );
	}

	/** What makes a test that of a candidate: this site, every setting and the password. */
	public static function of_test( Settings $settings, ?Secret $password ): array {
		return array( 'passed', Site::id(), $settings->marked(), Secret::value( $password ) );
	}
}
