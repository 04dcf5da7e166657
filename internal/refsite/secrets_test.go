package refsite_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/smtptest"
)

// forms are the ways in which a secret could show.
func forms(secret string) map[string]string {
	quoted, _ := json.Marshal(secret)
	all := map[string]string{
		"plain":     secret,
		"hex":       hex.EncodeToString([]byte(secret)),
		"URL":       url.QueryEscape(secret),
		"JSON":      strings.Trim(string(quoted), `"`),
		"Go":        strings.Trim(strconv.Quote(secret), `"`),
		"backwards": func() string { b := []byte(secret); slices.Reverse(b); return string(b) }(),
	}
	// Within longer text base64 shows one of three alignments; the characters at the ends depend on the neighbours.
	for skip := range 3 {
		padded := strings.Repeat("x", skip) + secret
		for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			text := encoding.EncodeToString([]byte(padded))
			all[name+strconv.Itoa(skip)] = text[(skip*8+5)/6 : len(padded)*8/6]
		}
	}
	return all
}

// leaks names the secrets that show in data, and how.
func leaks(data []byte, secrets map[string]string) []string {
	var found []string
	for name, secret := range secrets {
		for form, text := range forms(secret) {
			if bytes.Contains(data, []byte(text)) || form == "hex" && bytes.Contains(data, []byte(strings.ToUpper(text))) {
				found = append(found, name+" as "+form)
			}
		}
	}
	slices.Sort(found)
	return found
}

func TestLeakFinderFindsPlantedLeaks(t *testing.T) {
	secrets := map[string]string{"password": "canary-Zü\"%7 secret"}
	for form, text := range forms(secrets["password"]) {
		if got := leaks([]byte("before "+text+" after"), secrets); !slices.Contains(got, "password as "+form) {
			t.Errorf("%s was not found: %v", form, got)
		}
	}
	for before := range 4 {
		text := base64.StdEncoding.EncodeToString([]byte("\x00user\x00x"[:before] + secrets["password"] + "tail"))
		if got := leaks([]byte(text), secrets); len(got) == 0 {
			t.Errorf("base64 behind %d bytes was not found", before)
		}
	}
	if got := leaks([]byte("nothing here"), secrets); len(got) != 0 {
		t.Error(got)
	}
}

// parrot is a mail server that repeats what it was told, as some do.
func parrot(p *smtptest.Peer) {
	p.Say("220 parrot")
	for {
		line, ok := p.Hear()
		switch {
		case !ok:
			return
		case strings.HasPrefix(line, "EHLO"):
			p.Say("250-parrot", "250 AUTH PLAIN LOGIN")
		default:
			p.Say("535-5.7.8 you said "+line, "535 5.7.8 "+line)
		}
	}
}

func TestNoSecretShows(t *testing.T) {
	w := start(t)
	w.password = `canary "mail" Zü%` + w.password
	w.mail.SetUser(mailer, secret.New(w.password))
	c := w.site("client-a")
	credentials := w.login("client-a")
	session := c.call(http.MethodPost, "/session", credentials).want(t, http.StatusCreated, "")
	w.answers = &logBuffer{} // the one answer that holds a secret is behind us
	c.http.Transport = checked{t, http.DefaultTransport, w.answers}
	secrets := map[string]string{
		"mail password": w.password, "API token": c.token,
		"login password": credentials["password"].(string), "session token": session.object["token"].(string),
	}

	script, err := smtptest.NewScript(parrot)
	if err != nil {
		t.Fatal(err)
	}
	defer script.Close()
	repeats := w.settings(object{"host": script.Host(), "port": script.Port(), "encryption": "none"})
	if got := c.test(object{"settings": repeats, "password": w.password, "recipient": recipient}); got.object["stage"] != "auth" || got.object["reply"] == nil {
		t.Fatalf("the mail server did not repeat the login: %s", got.raw)
	}
	w.enable(c, nil)
	c.token = session.object["token"].(string)
	c.put(object{"settings": w.settings(object{"from_name": "B"}), "enabled": false}).want(t, http.StatusUnprocessableEntity, "password_required")
	c.put(object{"settings": w.settings(nil), "password": w.password, "enabled": false, "site_id": "x"}).want(t, http.StatusConflict, "wrong_site")
	c.call(http.MethodPut, "/smtp", object{w.password: w.password}, "If-Match", `"0"`).want(t, http.StatusBadRequest, "malformed")
	c.call(http.MethodGet, "/smtp", nil, "Authorization", "Bearer x").want(t, http.StatusUnauthorized, "unauthorized")
	c.call(http.MethodPost, "/session", object{"username": "admin", "password": "canary"}).want(t, http.StatusUnauthorized, "unauthorized")
	w.close()

	disk, err := os.ReadFile(w.config.DataFile)
	if err != nil {
		t.Fatal(err)
	}
	for where, data := range map[string][]byte{"answers": []byte(w.answers.String()), "log": []byte(w.log.String()), "data file": disk} {
		if len(data) < 1000 {
			t.Errorf("%s: only %d bytes to look at", where, len(data))
		}
		for _, leak := range leaks(data, secrets) {
			t.Errorf("%s: %s", where, leak)
		}
	}
	if got := slices.Sorted(maps.Keys(secrets)); len(got) != 4 {
		t.Error(got)
	}
}
