<?php
/**
 * Plugin Name: A mailer in the place of WordPress' own
 *
 * Puts its own mailer into the global variable, which asks its own settings where to send: as WP Mail SMTP does with an API.
 */

function their_mailer() {
	require_once ABSPATH . WPINC . '/PHPMailer/PHPMailer.php';
	require_once ABSPATH . WPINC . '/PHPMailer/SMTP.php';
	require_once ABSPATH . WPINC . '/PHPMailer/Exception.php';
	$mailer = new PHPMailer\PHPMailer\PHPMailer( true );
	$mailer->isSMTP();
	$mailer->Host = '127.0.0.1';
	$mailer->Port = THEIR_PORT;
	$mailer->setFrom( 'info@client.example', 'Theirs' );
	return $mailer;
}

add_action(
	'plugins_loaded',
	function () {
		require_once ABSPATH . WPINC . '/PHPMailer/PHPMailer.php';
		require_once ABSPATH . WPINC . '/PHPMailer/SMTP.php';
		require_once ABSPATH . WPINC . '/PHPMailer/Exception.php';
		class Their_Catcher extends PHPMailer\PHPMailer\PHPMailer {
			public function send() {
				$mailer = their_mailer();
				foreach ( $this->getToAddresses() as $to ) {
					$mailer->addAddress( $to[0] );
				}
				$mailer->Subject = $this->Subject;
				$mailer->Body    = $this->Body;
				return $mailer->send();
			}
		}
		$GLOBALS['phpmailer'] = new Their_Catcher( true );
		add_action( 'phpmailer_init', function ( &$mailer ) { $mailer = $GLOBALS['phpmailer']; } );
		foreach ( array( 'wp_mail_from' => 'info@client.example', 'wp_mail_from_name' => 'Theirs' ) as $filter => $value ) {
			add_filter( $filter, function () use ( $value ) { return $value; }, PHP_INT_MAX );
		}
	}
);
