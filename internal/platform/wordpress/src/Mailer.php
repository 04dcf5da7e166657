<?php

declare( strict_types = 1 );

namespace SiteSMTP;

Plugin::load_phpmailer();

/** PHPMailer for the site's own mail. It composes; where to, with which login and as whom, the settings say, whatever plugins set. */
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

	/** Sends what was composed. Whoever it is from, what bounces goes to the sender of the settings. */
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

	/** PHPMailer would look at what plugins may have set. */
	public function postSend() {
		return $this->smtpSend( $this->MIMEHeader, $this->MIMEBody );
	}

	/** A connection that is open still serves the next mail, unless the server has closed it in the meantime. */
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

	/** PHPMailer does this when it is destroyed, which would be after each mail. */
	public function smtpClose() {
		if ( ! $this->keep_open ) {
			parent::smtpClose();
		}
	}

	/** PHPMailer reaches for the property in smtpSend. */
	public function preSend() {
		$this->getSMTPInstance();
		return parent::preSend();
	}
}
