package main

// inWordPress are those in the WordPress plugin. Their tests run a genuine WordPress.
var inWordPress = []defect{{
	name: "EditedRowIsTrusted", breaks: "I1 I5",
	what:  "A row of the options table that was edited keeps its pass.",
	file:  "internal/platform/wordpress/src/Record.php",
	old:   `} elseif ( Keys::matches( $stored['proof'], self::proven( $stored ) ) ) {`,
	new:   `} elseif ( true ) {`,
	tests: "platform/wordpress/wordpresstest", run: "TestRowsThatWereEdited", tags: "wordpress", needs: "mariadbd",
}, {
	name: "FirstRowIsTrusted", breaks: "I5",
	what:  "A password of version 0.1 is used although nothing proves that it belongs to the settings.",
	file:  "internal/platform/wordpress/src/Record.php",
	old:   `! $verified && ! $this->was_written( $stored['enabled'] )`,
	new:   `false`,
	tests: "platform/wordpress/wordpresstest", run: "TestRowsOfVersion01", tags: "wordpress", needs: "mariadbd",
}, {
	name: "GuessesAreFree", breaks: "I5",
	what:  "Passwords can be tried out without limit.",
	file:  "internal/platform/wordpress/src/Guesses.php",
	old:   `Limit::owe( self::ROW, self::BURST, self::EVERY );`,
	new:   ``,
	tests: "platform/wordpress/wordpresstest", run: "TestGuesses", tags: "wordpress", needs: "mariadbd",
}, {
	name: "OtherMailersKeepTheMail", breaks: "I1",
	what:  "Another plugin's wp_mail() sends the mail of a site that is managed.",
	file:  "internal/platform/wordpress/src/Mail.php",
	old:   `return Site::holds_settings();`,
	new:   `return false;`,
	tests: "platform/wordpress/wordpresstest", run: "TestBesideOtherMailers", tags: "wordpress", needs: "mariadbd",
}, {
	name: "BypassedMailIsEnabled", breaks: "I1",
	what:  "Mail is enabled although a file that is loaded first sends it elsewhere.",
	file:  "internal/platform/wordpress/src/Path.php",
	old:   `if ( '' === self::$taken ) {`,
	new:   `if ( true ) {`,
	tests: "platform/wordpress/wordpresstest", run: "TestMailThatCannotBeWon", tags: "wordpress", needs: "mariadbd",
}, {
	name: "MailAnswersGuesses", breaks: "I5",
	what:  "What a server says of a mail is redacted although its sender supplied it, so that a right guess shows.",
	file:  "internal/platform/wordpress/src/Mail.php",
	old:   `$message->supplied()`,
	new:   `''`,
	tests: "platform/wordpress/wordpresstest", run: "TestRedactionAnswersNoGuess", tags: "wordpress", needs: "mariadbd",
}, {
	name: "CopiesSend", breaks: "I1",
	what:  "A copy of a site's database sends mail from another host.",
	file:  "internal/platform/wordpress/src/Place.php",
	old:   `if ( ! $moved && `,
	new:   `if ( `,
	tests: "platform/wordpress/wordpresstest", run: "TestCopies", tags: "wordpress", needs: "mariadbd",
}, {
	name: "EverySenderIsAllowed", breaks: "I1",
	what:  "Mail comes from whomever a plugin chooses, although only the sender of the settings was tested.",
	file:  "internal/platform/wordpress/src/Senders.php",
	old:   `return false;`,
	new:   `return true;`,
	tests: "platform/wordpress/wordpresstest", run: "TestSenders", tags: "wordpress", needs: "mariadbd",
}, {
	name: "RowsBeforeReplyToLoseTheirPassword", breaks: "I5",
	what:  "A setting that is new and not set changes what a stored password is sealed with.",
	file:  "internal/platform/wordpress/src/Settings.php",
	old:   `'' === $value && isset( self::SHAPE[ "$name?" ] )`,
	new:   `false`,
	tests: "platform/wordpress/wordpresstest", run: "TestRowsOfVersion01", tags: "wordpress", needs: "mariadbd",
}, {
	name: "TestTakesAKeptToken", breaks: "I2",
	what:  "A test logs in with an access token that was kept, although the client secret was revoked since.",
	file:  "internal/platform/wordpress/src/Connection.php",
	old:   `$with_token && null === $this->deadline ?`,
	new:   `$with_token ?`,
	tests: "platform/wordpress/wordpresstest", run: "TestTokensAreKept", tags: "wordpress", needs: "mariadbd",
}}
