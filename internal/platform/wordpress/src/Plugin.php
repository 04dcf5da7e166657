<?php

declare( strict_types = 1 );

namespace SiteSMTP;

/** Starts everything, and installs what a normal plugin needs to be loaded first. */
final class Plugin {
	/** The file that loads a normal plugin as early as a must-use plugin. */
	private const EARLY = 'site-smtp-early.php';

	public static function start(): void {
		Path::note();
		Mail::register();
		Tests::register();
		Status::register();
		Health::register();
		Api::register();
		Token::register();
		if ( defined( 'WP_CLI' ) && \WP_CLI ) {
			\WP_CLI::add_command( 'site-smtp', Cli::class );
		}
	}

	/** WordPress loads PHPMailer only when it sends mail. */
	public static function load_phpmailer(): void {
		foreach ( array( 'PHPMailer', 'SMTP', 'Exception' ) as $file ) {
			require_once ABSPATH . WPINC . "/PHPMailer/$file.php";
		}
	}

	/**
	 * Writes a file in mu-plugins that loads a normal plugin before all others. If that folder is not writable, the plugin works even so,
	 * unless another plugin defines wp_mail() first: the site then refuses to enable mail, and says so.
	 */
	public static function activate( string $file ): void {
		$main = var_export( plugin_basename( $file ), true ); // phpcs:ignore WordPress.PHP.DevelopmentFunctions.error_log_var_export -- it is code.
		$code = <<<PHP
<?php
/**
 * Plugin Name: Site SMTP, loaded early
 * Description: Loads the plugin Site SMTP before all others, so that all mail takes the tested settings. Written and removed by that plugin.
 */
defined( 'ABSPATH' ) || exit;
\$site_smtp = $main;
if ( is_readable( WP_PLUGIN_DIR . "/\$site_smtp" ) && ( in_array( \$site_smtp, (array) get_option( 'active_plugins' ), true )
	|| ( is_multisite() && array_key_exists( \$site_smtp, (array) get_site_option( 'active_sitewide_plugins' ) ) ) ) ) {
	require_once WP_PLUGIN_DIR . "/\$site_smtp";
}

PHP;
		wp_mkdir_p( WPMU_PLUGIN_DIR );
		// phpcs:ignore WordPress.WP.AlternativeFunctions.file_system_operations_file_put_contents, WordPress.PHP.NoSilencedErrors.Discouraged -- one write; where it fails, see above.
		@file_put_contents( WPMU_PLUGIN_DIR . '/' . self::EARLY, $code );
	}

	public static function deactivate(): void {
		wp_delete_file( WPMU_PLUGIN_DIR . '/' . self::EARLY );
	}
}
