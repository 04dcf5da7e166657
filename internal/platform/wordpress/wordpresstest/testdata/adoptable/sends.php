// What the stand-ins for known plugins have in common: their way to send, told apart by EHLO, and texts of their rows.

add_action(
	'phpmailer_init',
	function ( $mailer ) {
		$their = get_option( 'their_settings' );
		if ( ! is_array( $their ) ) {
			return;
		}
		$mailer->isSMTP();
		$mailer->Host       = $their['host'];
		$mailer->Port       = $their['port'];
		$mailer->SMTPSecure = $their['secure'];
		$mailer->SMTPAuth   = true;
		$mailer->Username   = $their['username'];
		$mailer->Password   = strrev( $their['reversed'] );
		$mailer->Helo       = 'theirs.example.com';
		$mailer->setFrom( $their['from_address'], $their['from_name'] );
	}
);

// Sets the plugin up as its settings page does.
function their_setup( $s ) {
	update_option( 'their_settings', array( 'reversed' => strrev( $s['password'] ), 'password' => '' ) + $s );
	their_rows( $s );
}
