<?php
/**
 * Plugin Name: A mailer with a queue
 *
 * Takes the mail before it is sent, and sends it later without anybody's filters: as WP Mail SMTP does to optimize.
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

function their_queue( $done, $mail ) {
	update_option( 'their_queue', array_merge( (array) get_option( 'their_queue', array() ), array( $mail ) ) );
	return true;
}
add_filter( 'pre_wp_mail', 'their_queue', 10, 2 );
function their_queue_run() {
	their_mailer();
	$GLOBALS['phpmailer'] = new class( true ) extends PHPMailer\PHPMailer\PHPMailer {
		public function isMail() {
			$this->isSMTP();
			$this->Host        = '127.0.0.1';
			$this->Port        = THEIR_PORT;
			$this->SMTPAutoTLS = false;
		}
	};
	PHPMailer\PHPMailer\PHPMailer::$validator = static function ( $address ) {
		return (bool) is_email( $address );
	};
	foreach ( array( 'pre_wp_mail', 'wp_mail_from', 'wp_mail_from_name' ) as $hook ) {
		remove_all_filters( $hook );
	}
	$queue = (array) get_option( 'their_queue', array() );
	delete_option( 'their_queue' );
	foreach ( $queue as $mail ) {
		wp_mail( $mail['to'], $mail['subject'], $mail['message'], $mail['headers'], $mail['attachments'] );
	}
}
