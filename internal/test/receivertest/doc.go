// Package receivertest runs a genuine mail receiver of Debian's packages on loopback, for tests with the build tag receiver: Postfix,
// OpenDKIM and OpenDMARC, and Dovecot with its LMTP, Sieve and IMAP. Each runs on files and ports of its own, as root starts it, and
// ends with the test. internal/mail/inbox/install.sh installs them.
package receivertest
