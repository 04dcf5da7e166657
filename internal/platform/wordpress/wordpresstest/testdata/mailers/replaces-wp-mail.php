<?php
/**
 * Plugin Name: A mailer with wp_mail() of its own
 *
 * Fires phpmailer_init, and then sets its own server again: as FluentSMTP does.
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
		$atts = apply_filters( 'wp_mail', compact( 'to', 'subject', 'message', 'headers', 'attachments' ) );
		if ( null !== ( $done = apply_filters( 'pre_wp_mail', null, $atts ) ) ) {
			return $done;
		}
		$mailer = their_mailer();
		do_action_ref_array( 'phpmailer_init', array( &$mailer ) );
		$mailer->isSMTP();
		$mailer->Host = '127.0.0.1';
		$mailer->Port = THEIR_PORT;
		$mailer->addAddress( $to );
		$mailer->Subject = $subject;
		$mailer->Body    = $message;
		return $mailer->send();
	}
}
