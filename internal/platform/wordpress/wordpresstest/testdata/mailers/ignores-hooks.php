<?php
/**
 * Plugin Name: A mailer that knows no hooks
 *
 * Has a wp_mail() that applies no filter of WordPress: as Mailgun does, and Post SMTP nearly so.
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

if ( ! function_exists( 'wp_mail' ) ) {
	function wp_mail( $to, $subject, $message, $headers = '', $attachments = array() ) {
		$mailer = their_mailer();
		$mailer->addAddress( $to );
		$mailer->Subject = $subject;
		$mailer->Body    = $message;
		return $mailer->send();
	}
}
