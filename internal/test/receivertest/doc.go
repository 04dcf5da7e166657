// Package receivertest runs a genuine mail receiver from Debian's packages on loopback, for tests with the build tag receiver: Postfix,
// OpenDKIM and OpenDMARC, and Dovecot with LMTP, Sieve and IMAP. They must be started as root, use separate files and ports, and end
// with the test. internal/mail/inbox/install.sh installs them.
package receivertest
