<?php

declare( strict_types = 1 );

namespace SiteSMTP;

Plugin::load_phpmailer();

/** PHPMailer for the site's own mail. It only composes: server, login and sender come from the settings, whatever plugins set. */
final class Mailer extends \PHPMailer\PHPMailer\PHPMailer {
	private Connection $connection;
	private Settings $settings;
	private bool $keep_open;

	/** @param bool $keep_open whether the connection stays for the next mail. */
	public function __construct( Settings $settings, Connection $connection, bool $keep_open ) {
		parent::__construct( true );
		$this->settings   = $settings;
		$this->connection = $connection;
		$this->keep_open  = $keep_open;
	}

	/** Sends the composed message. Bounces go to the sender of the settings, whatever its From is. */
	public function send() {
		$s = $this->settings;
		if ( ! Senders::allow( $this->From ) || Message::default_sender() === $this->From ) {
			$this->From     = $s->from_address;
			$this->FromName = '' === $s->from_name ? $this->FromName : $s->from_name;
		}
		if ( '' !== $s->reply_to && array() === $this->getReplyToAddresses() ) {
			$this->addReplyTo( $s->reply_to );
		}
		$this->Sender        = $s->from_address;
		$this->Mailer        = 'smtp';
		$this->SMTPDebug     = 0;
		$this->SMTPKeepAlive = $this->keep_open;
		return parent::send();
	}

	/** PHPMailer would use what plugins may have set. */
	public function postSend() {
		return $this->smtpSend( $this->MIMEHeader, $this->MIMEBody );
	}

	/** An open connection is used for the next mail too, unless the server has closed it in the meantime. */
	public function smtpConnect( $options = null ) {
		return $this->connection->is_ready() || $this->connection->open();
	}

	public function getSMTPInstance() {
		$this->smtp = $this->connection;
		return $this->smtp;
	}

	public function setSMTPInstance( \PHPMailer\PHPMailer\SMTP $smtp ) {
		return $this->getSMTPInstance();
	}

	/** PHPMailer calls this when it is destroyed, which would be after each mail. */
	public function smtpClose() {
		if ( ! $this->keep_open ) {
			parent::smtpClose();
		}
	}

	/** smtpSend of PHPMailer uses this property. */
	public function preSend() {
		$this->getSMTPInstance();
		return parent::preSend();
	}
}
