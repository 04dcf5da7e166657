<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/**
 * Reads the settings of widespread mail plugins from their rows and constants, and decrypts them, as these plugins themselves do. Only plugins
 * that WordPress has loaded are read: others send nothing, and what they have stored is not used.
 */
final class OtherMailers {
	/** Services that are not HTTP APIs, by their names in the rows. */
	private const NOT_API = array( '', 'mail', 'default' );

	private const NO_SERVER = 'It sends through PHP\'s mail(), which has no SMTP settings.';

	/** @return list<InForce> of the known plugins that WordPress has loaded. */
	public static function loaded(): array {
		$found = array();
		if ( defined( 'WPMS_PLUGIN_VER' ) ) {
			$found[] = self::wp_mail_smtp( 'WP Mail SMTP ' . WPMS_PLUGIN_VER, 'wp_mail_smtp', 'WPMS' );
		}
		if ( defined( 'FLUENTMAIL_PLUGIN_FILE' ) ) {
			$found[] = self::fluent_smtp();
		}
		if ( defined( 'POST_SMTP_VER' ) ) {
			$found[] = self::post_smtp();
		}
		if ( defined( 'EasyWPSMTP_PLUGIN_VERSION' ) ) {
			$by      = 'Easy WP SMTP ' . EasyWPSMTP_PLUGIN_VERSION;
			$second  = version_compare( (string) EasyWPSMTP_PLUGIN_VERSION, '2', '>=' ) && array() !== self::row( 'easy_wp_smtp' );
			$found[] = $second ? self::wp_mail_smtp( $by, 'easy_wp_smtp', 'EASY_WP_SMTP' ) : self::easy_wp_smtp( $by );
		}
		return $found;
	}

	/** What sends if none of the known plugins is loaded. */
	public static function unknown(): InForce {
		if ( '' !== self::usurper() ) {
			return InForce::other( self::usurper(), 'unknown', 'Site SMTP does not know where its settings are.' );
		}
		if ( has_action( 'phpmailer_init' ) || self::callbacks( 'pre_wp_mail' ) > 1 ) {
			$reason = 'Code of this site configures or replaces the mailer of WordPress, and Site SMTP does not know where its settings are.';
			return InForce::other( 'a plugin or theme', 'unknown', $reason );
		}
		return InForce::other( 'WordPress ' . get_bloginfo( 'version' ), 'local', self::NO_SERVER );
	}

	/** The file that defines wp_mail(), if it belongs to an unknown plugin; else empty. */
	public static function usurper(): string {
		$owner = Path::owner();
		if ( in_array( $owner, array( '', wp_normalize_path( __FILE__ ), wp_normalize_path( dirname( __DIR__ ) . '/site-smtp.php' ) ), true ) ) {
			return '';
		}
		$core  = dirname( (string) ( new \ReflectionFunction( 'wp_normalize_path' ) )->getFileName() );
		foreach ( array( $core, dirname( self::defined( 'FLUENTMAIL_PLUGIN_FILE' ) ), self::defined( 'POST_SMTP_PATH' ) ) as $folder ) {
			if ( strlen( $folder ) > 1 && str_starts_with( $owner, wp_normalize_path( $folder ) . '/' ) ) {
				return '';
			}
		}
		return basename( dirname( $owner ) ) . '/' . basename( $owner );
	}

	/** WP Mail SMTP, and Easy WP SMTP 2.0 and later, which is based on it: groups of settings, which constants override, and a key stored with the password. */
	private static function wp_mail_smtp( string $by, string $row, string $constants ): InForce {
		$site   = is_multisite() && ! empty( self::row( $row, get_main_site_id() )['general']['network_wide'] ) ? get_main_site_id() : get_current_blog_id();
		$stored = self::row( $row, $site );
		$value  = static fn ( string $group, string $key, string $constant, bool $also_empty = false ): string =>
			self::constant( $constants, $constant, $also_empty ) ?? stripslashes( self::text( $stored[ $group ][ $key ] ?? '' ) );
		$mailer = $value( 'mail', 'mailer', 'MAILER' );
		if ( (bool) $value( 'general', 'do_not_send', 'DO_NOT_SEND' ) ) {
			return InForce::other( $by, 'none', 'It is set to send no mail ("Do Not Send").' );
		}
		if ( 'smtp' !== $mailer || '' === $value( 'smtp', 'host', 'SMTP_HOST' ) ) {
			return self::not_smtp( $by, 'smtp' === $mailer ? '' : $mailer );
		}
		$queues = ! empty( $stored['general']['optimize_email_sending_enabled'] )
			? 'It queues mail ("Optimize Email Sending"), which would also hold back managed mail. Turn that off in the plugin.' : '';
		$sealed = self::text( $stored['smtp']['pass'] ?? '' );
		return InForce::smtp(
			$by,
			array(
				'host'          => $value( 'smtp', 'host', 'SMTP_HOST' ),
				'port'          => (int) $value( 'smtp', 'port', 'SMTP_PORT' ),
				'secure'        => $value( 'smtp', 'encryption', 'SSL', true ),
				'opportunistic' => (bool) $value( 'smtp', 'autotls', 'SMTP_AUTOTLS', true ),
				'username'      => (bool) $value( 'smtp', 'auth', 'SMTP_AUTH', true ) ? $value( 'smtp', 'user', 'SMTP_USER' ) : '',
				'password'      => self::constant( $constants, 'SMTP_PASS' ) ?? self::secretbox( $sealed, self::mail_key( $constants, $row, $site ) ),
				'from_address'  => self::sender( $value( 'mail', 'from_email', 'MAIL_FROM' ) ),
				'from_name'     => $value( 'mail', 'from_name', 'MAIL_FROM_NAME' ),
				'reply_to'      => stripslashes( self::text( $stored['mail']['reply_to_email'] ?? '' ) ),
			),
			empty( $stored['connections'] ) ? $queues : self::several()
		);
	}

	/** A constant of wp-config.php that overrides the row, if such constants are enabled; null if there is none. */
	private static function constant( string $constants, string $name, bool $also_empty = false ): ?string {
		$on    = defined( "{$constants}_ON" ) && true === constant( "{$constants}_ON" ) && defined( "{$constants}_$name" );
		$value = $on ? self::text( constant( "{$constants}_$name" ) ) : '';
		return $on && ( $also_empty || (bool) $value ) ? $value : null;
	}

	/** The key, which is stored with the password or in wp-config.php. */
	private static function mail_key( string $constants, string $row, int $site ): string {
		if ( defined( "{$constants}_CRYPTO_KEY" ) ) {
			return self::text( constant( "{$constants}_CRYPTO_KEY" ) );
		}
		return (string) base64_decode( self::text( self::option( "{$row}_mail_key", $site ) ) );
	}

	/** A password, which may be in a box of libsodium; null if the key does not open the box. */
	private static function secretbox(
		#[\SensitiveParameter]
		string $stored,
		#[\SensitiveParameter]
		string $key
	): ?string {
		$box = base64_decode( $stored, true );
		if ( '' === $key || false === $box || strlen( $box ) < SODIUM_CRYPTO_SECRETBOX_NONCEBYTES + SODIUM_CRYPTO_SECRETBOX_MACBYTES ) {
			return stripslashes( $stored );
		}
		if ( SODIUM_CRYPTO_SECRETBOX_KEYBYTES !== strlen( $key ) ) {
			return null;
		}
		$nonce  = substr( $box, 0, SODIUM_CRYPTO_SECRETBOX_NONCEBYTES );
		$opened = sodium_crypto_secretbox_open( substr( $box, strlen( $nonce ) ), $nonce, $key );
		return false === $opened ? null : stripslashes( $opened );
	}

	/** FluentSMTP: connections by id, of which one is the default. */
	private static function fluent_smtp(): InForce {
		$by     = trim( 'FluentSMTP ' . ( defined( 'FLUENTMAIL_PLUGIN_VERSION' ) ? FLUENTMAIL_PLUGIN_VERSION : '' ) );
		$stored = self::row( 'fluentmail-settings' );
		$all    = array_filter( (array) ( $stored['connections'] ?? array() ), 'is_array' );
		if ( 'yes' === ( $stored['misc']['simulate_emails'] ?? '' ) || ( defined( 'FLUENTMAIL_SIMULATE_EMAILS' ) && FLUENTMAIL_SIMULATE_EMAILS ) ) {
			return InForce::other( $by, 'none', 'It is set to send no mail ("Email Simulation").' );
		}
		$default = $all[ self::text( $stored['misc']['default_connection'] ?? '' ) ] ?? reset( $all );
		$text    = static fn ( string $key ): string => self::text( $default['provider_settings'][ $key ] ?? '' );
		if ( 'smtp' !== $text( 'provider' ) ) {
			return self::not_smtp( $by, $text( 'provider' ) );
		}
		$fixed  = 'wp_config' === $text( 'key_store' );
		$sealed = ! empty( $stored['use_encrypt'] ) && 'yes' !== $text( 'disable_encryption' );
		return InForce::smtp(
			$by,
			array(
				'host'          => $text( 'host' ),
				'port'          => (int) $text( 'port' ),
				'secure'        => $text( 'encryption' ),
				'opportunistic' => 'no' !== $text( 'auto_tls' ),
				'username'      => 'yes' === $text( 'auth' ) ? ( $fixed ? self::defined( 'FLUENTMAIL_SMTP_USERNAME' ) : $text( 'username' ) ) : '',
				'password'      => $fixed ? self::defined( 'FLUENTMAIL_SMTP_PASSWORD' ) : self::fluent_open( $text( 'password' ), $sealed ),
				'from_address'  => self::sender( $text( 'sender_email' ) ),
				'from_name'     => wp_specialchars_decode( $text( 'sender_name' ), ENT_QUOTES ),
			),
			count( $all ) > 1 ? self::several() : ''
		);
	}

	/** AES with a key of wp-config.php. The plain text ends with the salt, which shows that the key was right. */
	private static function fluent_open(
		#[\SensitiveParameter]
		string $stored,
		bool $is_sealed
	): ?string {
		if ( ! $is_sealed ) {
			return $stored;
		}
		$key    = self::defined( 'FLUENTMAIL_ENCRYPT_KEY', self::defined( 'LOGGED_IN_KEY' ) );
		$salt   = self::defined( 'FLUENTMAIL_ENCRYPT_SALT', self::defined( 'LOGGED_IN_SALT' ) );
		$sealed = base64_decode( $stored, true );
		if ( '' === $key || '' === $salt || false === $sealed || strlen( $sealed ) <= 16 ) {
			return null;
		}
		$opened = openssl_decrypt( substr( $sealed, 16 ), 'aes-256-ctr', $key, 0, substr( $sealed, 0, 16 ) );
		return false !== $opened && str_ends_with( $opened, $salt ) ? substr( $opened, 0, -strlen( $salt ) ) : null;
	}

	/** Post SMTP: one row, the password in base64. */
	private static function post_smtp(): InForce {
		$by     = 'Post SMTP ' . POST_SMTP_VER;
		$global = is_multisite() && isset( ( (array) get_site_option( 'postman_network_options' ) )['post_smtp_global_settings'] );
		// phpcs:ignore WordPress.NamingConventions.PrefixAllGlobals.NonPrefixedHooknameFound -- theirs.
		$site   = $global ? (int) apply_filters( 'post_smtp_default_site_option', 1 ) : get_current_blog_id();
		$stored = self::row( 'postman_options', $site );
		$text   = static fn ( string $key ): string => self::text( $stored[ $key ] ?? '' );
		$mode   = self::defined( 'POST_SMTP_RUN_MODE', $text( 'run_mode' ) );
		$reason = '';
		if ( in_array( $mode, array( 'log_only', 'ignore' ), true ) ) {
			return InForce::other( $by, 'none', 'It is set to send no mail (its "Delivery Mode").' );
		}
		if ( 'smtp' !== $text( 'transport_type' ) ) {
			return self::not_smtp( $by, $text( 'transport_type' ) );
		}
		if ( 'oauth2' === $text( 'auth_type' ) ) {
			return InForce::other( $by, 'smtp', 'It logs in with OAuth 2.0, and its consent cannot be transferred. Set oauth2 instead.' );
		}
		if ( 'yes' === $text( 'fallback_smtp_enabled' ) || array() !== self::row( 'postman_connections', $site ) ) {
			$reason = self::several();
		}
		$password = (string) base64_decode( $text( 'basic_auth_password' ) );
		return InForce::smtp(
			$by,
			array(
				'host'          => $text( 'hostname' ),
				'port'          => (int) $text( 'port' ),
				'secure'        => $text( 'enc_type' ),
				'opportunistic' => 'phpmailer' === $text( 'smtp_mailers' ),
				'username'      => 'none' === $text( 'auth_type' ) ? '' : self::defined( 'POST_SMTP_AUTH_USERNAME', $text( 'basic_auth_username' ) ),
				'password'      => self::defined( 'POST_SMTP_AUTH_PASSWORD', $password ),
				'from_address'  => self::sender( $text( 'sender_email' ) ),
				'from_name'     => $text( 'sender_name' ),
				'reply_to'      => $text( 'reply_to' ),
			),
			$reason
		);
	}

	/** Easy WP SMTP up to 1.5: one row; the password in base64, or in AES with a key stored with it. */
	private static function easy_wp_smtp( string $by ): InForce {
		$stored = self::row( 'swpsmtp_options' );
		$text   = static fn ( string $key ): string => self::text( $stored[ $key ] ?? '' );
		$smtp   = static fn ( string $key ): string => self::text( $stored['smtp_settings'][ $key ] ?? '' );
		if ( '' === $text( 'from_email_field' ) || '' === $text( 'from_name_field' ) ) {
			return self::not_smtp( $by, '' );
		}
		if ( '' !== $text( 'enable_domain_check' ) && '0' !== $text( 'enable_domain_check' ) ) {
			return InForce::other( $by, 'smtp', 'Whether it sends depends on the domain of the site ("Enable Domain Check"). Turn that off in the plugin.' );
		}
		return InForce::smtp(
			$by,
			array(
				'host'          => $smtp( 'host' ),
				'port'          => (int) $smtp( 'port' ),
				'secure'        => $smtp( 'type_encryption' ),
				'opportunistic' => false,
				'username'      => 'yes' === $smtp( 'autentication' ) ? $smtp( 'username' ) : '',
				'password'      => self::easy_open( $smtp( 'password' ) ),
				'from_address'  => $text( 'from_email_field' ),
				'from_name'     => $text( 'from_name_field' ),
				'reply_to'      => $text( 'reply_to_email' ),
			)
		);
	}

	private static function easy_open(
		#[\SensitiveParameter]
		string $stored
	): ?string {
		$bytes = base64_decode( $stored, true );
		if ( get_option( 'swpsmtp_pass_encrypted' ) ) {
			$key    = hash( 'sha256', self::text( get_option( 'swpsmtp_enc_key' ) ), true );
			$opened = strlen( (string) $bytes ) <= 16 ? false : openssl_decrypt( substr( $bytes, 16 ), 'aes-256-ctr', $key, OPENSSL_RAW_DATA, substr( $bytes, 0, 16 ) );
			// With a wrong key it decrypts too, but to something else.
			return false !== $opened && mb_check_encoding( $opened, 'UTF-8' ) ? $opened : null;
		}
		$encoded = false !== $bytes && base64_encode( $bytes ) === $stored && mb_check_encoding( $bytes, 'UTF-8' );
		return stripslashes( $encoded ? $bytes : $stored );
	}

	/** Without a service, a plugin leaves the mail to WordPress. */
	private static function not_smtp( string $by, string $service ): InForce {
		if ( in_array( $service, self::NOT_API, true ) ) {
			return InForce::other( $by, 'local', self::NO_SERVER );
		}
		$name   = mb_substr( sanitize_key( $service ), 0, 40 );
		$reason = "It sends through the HTTP API of a mail service ($name), not through SMTP. Set the SMTP settings of the service instead.";
		return InForce::other( $by, 'api', $reason );
	}

	private static function several(): string {
		return 'It has several connections, and these are the settings of only one. Delete the others in the plugin, or write the settings in the configuration.';
	}

	/** The sender address of the plugin; without one, WordPress' default. */
	private static function sender( string $address ): string {
		return '' === trim( $address ) ? Message::default_sender() : $address;
	}

	/** How many callbacks a hook has. */
	private static function callbacks( string $hook ): int {
		global $wp_filter;
		return isset( $wp_filter[ $hook ] ) ? array_sum( array_map( 'count', $wp_filter[ $hook ]->callbacks ) ) : 0;
	}

	private static function row( string $name, ?int $site = null ): array {
		$row = self::option( $name, $site ?? get_current_blog_id() );
		return is_array( $row ) ? $row : array();
	}

	/** An option, as the plugin itself gets it. */
	private static function option( string $name, int $site ): mixed {
		return get_current_blog_id() === $site ? get_option( $name ) : get_blog_option( $site, $name );
	}

	private static function defined( string $constant, string $otherwise = '' ): string {
		return defined( $constant ) ? self::text( constant( $constant ) ) : $otherwise;
	}

	/** A value of a row as text; empty for false and for anything that is not text. */
	private static function text( mixed $value ): string {
		return is_scalar( $value ) ? (string) $value : '';
	}
}
