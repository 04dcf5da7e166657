<?php
/**
 * Plugin Name: A mailer that configures WordPress' own
 *
 * Sets its server and its sender late: as Easy WP SMTP does.
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
	'phpmailer_init',
	function ( $mailer ) {
		$mailer->isSMTP();
		$mailer->Host       = '127.0.0.1';
		$mailer->Port       = THEIR_PORT;
		$mailer->SMTPSecure = '';
		$mailer->SMTPAuth   = false;
		$mailer->setFrom( 'info@client.example', 'Theirs' );
	},
	999
);
