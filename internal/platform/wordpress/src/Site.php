<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** The site's own record and who it is. */
final class Site {
	public const API_VERSION = 1;

	private const RECORD = 'site_smtp';
	private const ID     = 'site_smtp_id';

	/** How old, in seconds, a passed test may be to enable mail. */
	private const PASS_AGE = 3600;

	/** Random, created once and stored in the database: a copy of the site has the same ID until its row is removed. */
	public static function id(): string {
		$id = Store::get( self::ID );
		if ( null === $id ) {
			Store::add( self::ID, wp_generate_uuid4() );
			$id = (string) Store::get( self::ID );
		}
		return $id;
	}

	/** Whether the row holds settings, or cannot be read. That is known without the keys, before WordPress can derive them. */
	public static function holds_settings(): bool {
		$row    = Store::get( self::RECORD );
		$stored = null === $row ? array( 'settings' => array( 'host' => '' ) ) : json_decode( $row, true, 8 );
		return '' !== ( $stored['settings']['host'] ?? null );
	}

	public static function read(): Record {
		$row                = Store::get( self::RECORD );
		[ $record, $renew ] = Record::from_row( $row );
		if ( $renew ) {
			RefreshTokens::renew( $record );
			Store::swap( self::RECORD, $row, $record->to_row() );
		}
		$obstacle = $record->enabled ? Path::obstacle() : null;
		if ( null !== $obstacle ) {
			$record->enabled = false;
			$record->fault   = $obstacle;
		}
		return $record;
	}

	/** @param array{settings: Settings, password: ?Secret, adopt: bool, enabled: bool, write_id: string} $write with adopt, password is that of what is in force. */
	public static function save( array $write, string $revision, string $by ): Record {
		Check::candidate( $write['settings'], $write['password'] );
		$body = self::of_write( $write['settings'], $write['password'], $write['enabled'] );
		$saved = self::write(
			static function ( Record $r ) use ( $write, $revision, $by, $body ): ?Record {
				if ( null !== $r->last_write && $r->last_write['id'] === $write['write_id'] ) {
					if ( ! Guesses::judge( self::given( $write ), static fn (): bool => Keys::matches( $r->last_write['mark'], $body ) ) ) {
						throw new Problem( 'key_reused', 'This write_id was already used with a different body.', array( 'field' => 'write_id' ) );
					}
					return null;
				}
				self::check_revision( $r, $revision );
				if ( $write['adopt'] ) {
					InForce::check_sends( $r );
				}
				self::commit( $r, $write );
				self::stamp( $r, $by );
				$r->last_write = array(
					'id'   => $write['write_id'],
					'mark' => Keys::mark( $body ),
				);
				return $r;
			}
		);
		RefreshTokens::drop_unneeded();
		return $saved;
	}

	/** What a write is recognised by. */
	public static function of_write( Settings $settings, ?Secret $password, bool $enabled ): array {
		return array( 'write', self::id(), $settings->marked(), Secret::value( $password ), $enabled );
	}

	/** Whether a pass is recent enough to enable mail. */
	public static function is_fresh( array $verification ): bool {
		return strtotime( $verification['tested_at'] ) >= time() - self::PASS_AGE;
	}

	/** Deletes settings and password; WordPress then sends mail as it would without this plugin. */
	public static function clear( string $revision, string $by ): Record {
		$cleared = self::write(
			static function ( Record $r ) use ( $revision, $by ): Record {
				self::check_revision( $r, $revision );
				TokenEndpoint::forget();
				Delivery::forget();
				$cleared           = new Record();
				$cleared->revision = $r->revision;
				return self::stamp( $cleared, $by );
			}
		);
		RefreshTokens::forget();
		return $cleared;
	}

	/** @param callable(Record): ?Record $change from what the site holds to what it shall hold; null leaves it as it is. */
	private static function write( callable $change ): Record {
		$result = null;
		Store::change(
			self::RECORD,
			static function ( ?string $row ) use ( $change, &$result ): ?string {
				[ $before ] = Record::from_row( $row );
				$after      = $change( $before );
				$result     = $after ?? $before;
				return null === $after ? null : $after->to_row();
			}
		);
		return $result;
	}

	/** Changes the record as the write asks. It is the only code that can enable mail. */
	private static function commit( Record $r, array $write ): void {
		[ $id, $password ] = self::password( $r, $write );
		[ $same, $pass ]   = self::passed( $r, $write, $password );
		$fresh             = null !== $pass && self::is_fresh( $pass );
		if ( $write['enabled'] && ! $fresh && ! ( $same && $r->enabled ) ) {
			throw new Problem( 'verification_required', 'Mail can be enabled only with settings and a password that passed a test in the last hour.' );
		}
		$obstacle = Path::obstacle();
		if ( $write['enabled'] && null !== $obstacle ) {
			throw new Problem( 'bypassed', $obstacle );
		}
		if ( array() !== $r->settings->diff( $write['settings'] ) || ! Secret::same( $r->password, $password ) ) {
			Delivery::forget();
			TokenEndpoint::forget();
		}
		$r->settings     = $write['settings'];
		$r->password_id  = $id;
		$r->password     = $password;
		$r->verification = $pass;
		$r->enabled      = $write['enabled'];
		$r->fault        = '';
		$r->unreadable   = false;
	}

	/**
	 * If these settings have passed a test with any password, the answer reveals whether it was this one.
	 *
	 * @return array{bool, ?array} whether the record has just these settings, this password and a pass; and the newest pass.
	 */
	private static function passed( Record $r, array $write, ?Secret $password ): array {
		$verified = null !== $r->verification && array() === $r->settings->diff( $write['settings'] );
		$same     = $verified && Secret::same( $r->password, $password );
		$find     = static fn (): ?array => Tests::newest_pass( $write['settings'], $password ) ?? ( $same ? $r->verification : null );
		$known    = $verified || Tests::have_passed( $write['settings'] );
		return array( $same, $known ? Guesses::judge( self::given( $write ), $find ) : null );
	}

	/** The password in the request, which the caller may be guessing. */
	public static function given( array $request ): ?Secret {
		return $request['adopt'] ? null : $request['password'];
	}

	/** @return array{?string, ?Secret} id and value of the password that the record shall have. */
	private static function password( Record $r, array $write ): array {
		if ( '' === $write['settings']->username ) {
			return array( null, null );
		}
		if ( null !== $write['password'] ) {
			return array( bin2hex( random_bytes( 16 ) ), $write['password'] );
		}
		$changed = $r->settings->diff( $write['settings'] );
		if ( array() !== $changed ) {
			$what = implode( ', ', $changed );
			throw self::password_required( "The password must come with a change of $what: a stored password is used only with the settings it was entered for." );
		}
		if ( null === $r->password && $write['enabled'] ) {
			throw self::password_required( 'No password is stored for this username.' );
		}
		return array( $r->password_id, $r->password );
	}

	public static function password_required( string $detail ): Problem {
		return new Problem( 'password_required', $detail, array( 'field' => 'password' ) );
	}

	private static function check_revision( Record $r, string $revision ): void {
		if ( (string) $r->revision !== $revision ) {
			$members = array( 'revision' => (string) $r->revision ) + array_filter( array( 'updated_by' => $r->updated_by ) );
			throw new Problem( 'stale', 'The site was changed since it was read.', $members );
		}
	}

	private static function stamp( Record $r, string $by ): Record {
		++$r->revision;
		$r->updated_at = Clock::now();
		$r->updated_by = $by;
		$r->last_write = null;
		return $r;
	}
}
