// A site that implements the site admin contract (internal/platform/siteadmin/openapi.yaml) in one file: HTTP, storage,
// sealing, and sending a test message. It needs only Node 20 or later. One site, one API token, no admin page, no OAuth.
//
//   SITE_TOKEN=... SITE_KEY=$(openssl rand -base64 32) node site.mjs
//
// Optional: SITE_DATA is the data file (default: site.json), PORT the port on 127.0.0.1 (default: 8080; a proxy in front terminates
// TLS), ALLOW_NETWORKS the private networks that it may send to, such as "127.0.0.0/8 10.1.0.0/16", and TEST_BURST how many test
// messages can be sent in a burst (default: 20; then one every 10 s). NODE_EXTRA_CA_CERTS adds certificate authorities for mail servers.
import http from 'node:http';
import net from 'node:net';
import tls from 'node:tls';
import dns from 'node:dns/promises';
import fs from 'node:fs';
import path from 'node:path';
import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';

const env = process.env;
const file = env.SITE_DATA ?? 'site.json';
const key = Buffer.from(env.SITE_KEY ?? '', 'base64');
if (!env.SITE_TOKEN || key.length !== 32) {
  console.error('Set SITE_TOKEN, and SITE_KEY to 32 bytes in base64.');
  process.exit(1);
}
const derive = (use) => Buffer.from(hkdfSync('sha256', key, '', use, 32)); // a separate key for each use
const [sealKey, macKey] = [derive('seal'), derive('mac')];
const minute = 60_000;
const now = () => new Date().toISOString();

// ---- Problems

class Problem extends Error {
  constructor(status, code, detail, more = {}) {
    super(detail);
    Object.assign(this, { status, code, more });
  }
}
const invalid = (field, detail) => new Problem(422, 'invalid', `${field} ${detail}.`, { field });

// ---- Storage: one file, replaced as a whole, so that a crash leaves either the old settings or the new ones

const emptySettings = { host: '', port: 0, encryption: '', username: '', from_address: '', from_name: '', helo_name: '' };
const clear = () => ({ settings: emptySettings, enabled: false, last_write_id: null, write_mac: null, sealed: null, password_id: null, verification: null, pass: null });

const read = () => {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return { site_id: randomUUID(), revision: 0, updated_at: null, updated_by: null, ...clear(), tests: {} };
  }
};
const store = (next) => {
  try {
    const fresh = `${file}.new`;
    const fd = fs.openSync(fresh, 'w', 0o600);
    fs.writeFileSync(fd, JSON.stringify(next));
    fs.fsyncSync(fd);
    fs.closeSync(fd);
    fs.renameSync(fresh, file);
    const folder = fs.openSync(path.dirname(path.resolve(file)), 'r');
    fs.fsyncSync(folder);
    fs.closeSync(folder);
  } catch (error) {
    console.error(error.message);
    throw new Problem(507, 'storage', 'The site could not store the change.');
  }
  db = next;
};
let db = read();
store(db);

// ---- Secrets

// mac identifies a value without revealing it: equal values have equal MACs, and nothing can be derived from a MAC without the key.
const mac = (...values) => createHmac('sha256', macKey).update(JSON.stringify(values)).digest('base64');
const same = (a, b) => a !== null && a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
const listed = (settings) => Object.keys(emptySettings).map((name) => settings[name]);

// A sealed password can be opened only with the site, the settings and the id that it was sealed with.
const place = (settings, id) => Buffer.from(JSON.stringify([db.site_id, id, listed(settings)]));
const seal = (password, settings, id) => {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', sealKey, nonce).setAAD(place(settings, id));
  return Buffer.concat([nonce, cipher.update(password, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64');
};
const unseal = ({ sealed, settings, password_id }) => {
  if (!sealed) return '';
  const bytes = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', sealKey, bytes.subarray(0, 12)).setAAD(place(settings, password_id)).setAuthTag(bytes.subarray(-16));
  return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('utf8');
};
// proof is computed only for a pass, over everything in its record.
const proof = (settings, password, v) => mac('pass', db.site_id, listed(settings), password, v.tested_at, v.recipient, v.reply, v.message_id);

// If the file was edited, the site drops the password and the pass, and disables mail.
const inspect = () => {
  const next = structuredClone(db);
  try {
    const password = unseal(next);
    if (next.verification && !same(next.pass, proof(next.settings, password, next.verification))) next.verification = next.pass = null;
  } catch {
    next.sealed = next.password_id = next.verification = next.pass = null;
  }
  if (next.enabled && !next.verification) next.enabled = false;
  if (JSON.stringify(next) !== JSON.stringify(db)) {
    console.error('The data file was edited: what does not belong together is removed. Mail is', next.enabled ? 'on.' : 'OFF.');
    store({ ...next, revision: db.revision + 1, updated_at: now(), updated_by: 'site' });
  }
};
inspect();

// ---- Limits: token buckets

const bucket = (size, every) => {
  const of = new Map();
  return {
    take(name) {
      const time = Date.now();
      if (of.size > 10_000) of.clear();
      const b = of.get(name) ?? { left: size, at: time };
      b.left = Math.min(size, b.left + (time - b.at) / every);
      b.at = time;
      of.set(name, b);
      if (b.left < 1) {
        const retryAfter = Math.ceil(((1 - b.left) * every) / 1000);
        throw new Problem(429, 'rate_limited', `Too many: try again in ${retryAfter} s.`, { retryAfter });
      }
      b.left--;
    },
    giveBack: (name) => of.get(name).left++,
  };
};
const messages = bucket(Number(env.TEST_BURST ?? 20), 10_000);
const guesses = bucket(20, minute / 2);
const logins = bucket(10, minute);

// compare says whether the caller's password is the stored one. It counts the attempt before it compares; a correct one costs nothing.
const compare = (right) => {
  guesses.take('');
  if (right) guesses.giveBack('');
  else console.error('A password that was sent does not match.');
};

// ---- Reading requests strictly

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const types = { port: 'number', enabled: 'boolean', settings: 'object' };

// noDuplicates refuses a name that occurs twice in one object, because JSON.parse would use the last.
const noDuplicates = (text) => {
  const open = [];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"\s*:?|[{}]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (token.endsWith(':')) {
      const name = JSON.parse(token.slice(0, -1).trim());
      if (open.at(-1).has(name)) throw new Error('twice');
      open.at(-1).add(name);
    }
  }
};
const shape = (value, required, optional = []) => {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Error('no object');
  for (const name of required) if (!(name in value)) throw new Error('missing');
  for (const [name, member] of Object.entries(value)) {
    if (![...required, ...optional].includes(name) || typeof member !== (types[name] ?? 'string')) throw new Error('unknown');
    if (name === 'port' && !Number.isInteger(member)) throw new Error('no integer');
    if (name === 'settings') shape(member, Object.keys(emptySettings));
  }
};
const body = async (request, required, optional) => {
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) throw new Problem(415, 'unsupported_media_type', 'The body must be application/json.');
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= 65536) chunks.push(chunk);
  }
  if (size > 65536) throw new Problem(413, 'too_large', 'The body is larger than 64 KiB.');
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
    const value = JSON.parse(text);
    noDuplicates(text);
    shape(value, required, optional);
    return value;
  } catch {
    throw new Problem(400, 'malformed', 'The body is not JSON of this shape.');
  }
};
const revisionOf = (request) => {
  const tag = request.headers['if-match'];
  if (tag === undefined) throw new Problem(428, 'precondition_required', 'The If-Match header is missing.');
  const match = /^(?:W\/)?"([^"]*)"$/.exec(tag);
  if (!match) throw new Problem(400, 'malformed', 'If-Match must hold one revision in double quotes.');
  return match[1];
};
const checkSite = (id) => {
  if (id !== undefined && id !== db.site_id) throw new Problem(409, 'wrong_site', 'The request is for another site.');
};

// ---- Rules about values

const controls = /[\p{Cc}\p{Cf}\u2028\u2029]/u;
const address = /^[^\s<>@()[\]\\,;:"]{1,64}@[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i;
const hostName = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?\.?$/i;
const isLoopback = (host) => /^localhost\.?$/i.test(host) || host === '::1' || (net.isIPv4(host) && host.startsWith('127.'));

const checkAddress = (field, value) => {
  if (value.length > 254 || controls.test(value) || !address.test(value)) throw invalid(field, 'is not an email address');
};
const checkCandidate = (s, password) => {
  if (!net.isIP(s.host) && !hostName.test(s.host)) throw invalid('host', 'is neither a name nor an address');
  if (s.port < 1 || s.port > 65535) throw invalid('port', 'must be from 1 to 65535');
  if (!['starttls', 'tls', 'none'].includes(s.encryption)) throw invalid('encryption', 'must be starttls, tls or none');
  if (s.encryption === 'none' && s.username && !isLoopback(s.host)) throw invalid('encryption', 'must not be none with a username, except to loopback');
  if (s.username.length > 255 || controls.test(s.username)) throw invalid('username', 'has characters that are not allowed');
  checkAddress('from_address', s.from_address);
  if (s.from_name.length > 255 || controls.test(s.from_name) || /[<>]/.test(s.from_name)) throw invalid('from_name', 'has characters that are not allowed');
  if (s.helo_name && !hostName.test(s.helo_name)) throw invalid('helo_name', 'is not a host name');
  if (password === undefined) return;
  if (!s.username) throw invalid('password', 'must not come without a username');
  if (!password || password.length > 1024 || /\p{Cc}/u.test(password)) throw invalid('password', 'is empty, too long or has control characters');
  if (/^[*•●]+$/.test(password)) throw invalid('password', 'is a mask');
};
const passwordRequired = (detail) => new Problem(422, 'password_required', detail, { field: 'password' });

// ---- SMTP

// Networks that IANA reserves are not public. The address that is connected to counts, not the name that resolved to it.
const reserved = new net.BlockList();
for (const n of ['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24',
  '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4']) reserved.addSubnet(...split(n), 'ipv4');
for (const n of ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']) reserved.addSubnet(...split(n), 'ipv6');
const global6 = new net.BlockList();
global6.addSubnet('2000::', 3, 'ipv6');
const allowed = new net.BlockList();
for (const n of (env.ALLOW_NETWORKS ?? '').split(' ').filter(Boolean)) allowed.addSubnet(...split(n), n.includes(':') ? 'ipv6' : 'ipv4');
function split(network) {
  const [prefix, bits] = network.split('/');
  return [prefix, Number(bits)];
}
const mayDial = (ip) => {
  const family = net.isIPv6(ip) ? 'ipv6' : 'ipv4';
  return allowed.check(ip, family) || (!reserved.check(ip, family) && (family === 'ipv4' || global6.check(ip, family)));
};

class Refused extends Error {
  constructor(reply) {
    super(reply.text);
    this.reply = reply;
  }
}

// Conversation reads replies line by line. Every wait has a timeout.
class Conversation {
  constructor(socket) {
    this.use(socket);
  }
  use(socket) {
    this.socket = socket;
    this.buffer = '';
    this.wake = () => {};
    socket.setEncoding('utf8');
    socket.on('data', (data) => {
      this.buffer += data;
      this.wake();
    });
    socket.on('error', (error) => {
      this.broken ??= error;
      this.wake();
    });
    socket.on('close', () => {
      this.broken ??= new Error('the server closed the connection');
      this.wake();
    });
    socket.setTimeout(15_000, () => socket.destroy(new Error('timeout')));
  }
  async line() {
    for (;;) {
      const end = this.buffer.indexOf('\n');
      if (end >= 0) {
        const line = this.buffer.slice(0, end).replace(/\r$/, '');
        this.buffer = this.buffer.slice(end + 1);
        return line;
      }
      if (this.broken || this.buffer.length > 65536) throw this.broken ?? new Error('a line of the server has no end');
      await new Promise((resolve) => { this.wake = resolve; });
    }
  }
  // say sends a command and expects a reply that begins with these digits. The lines of a reply are joined.
  async say(command, want) {
    if (command !== null) this.socket.write(`${command}\r\n`);
    const lines = [];
    let code;
    for (let more = true; more;) {
      const match = /^(\d{3})([ -]?)(.*)$/.exec(await this.line());
      if (!match || lines.length > 100) throw new Error('the server does not speak SMTP');
      code = Number(match[1]);
      more = match[2] === '-';
      lines.push(match[3]);
    }
    const enhanced = /^([245]\.\d{1,3}\.\d{1,3}) /.exec(lines[0])?.[1] ?? '';
    const text = lines.map((l) => (enhanced && l.startsWith(`${enhanced} `) ? l.slice(enhanced.length + 1) : l)).join(' ');
    const reply = { code, enhanced_code: enhanced, text: text.replace(/\p{Cc}|\p{Cf}/gu, '').slice(0, 2000) };
    if (!String(code).startsWith(want)) throw new Refused(reply);
    return { reply, lines };
  }
  async secure(host) {
    if (this.buffer) throw new Error('the server sent text before TLS');
    for (const event of ['data', 'error', 'close', 'timeout']) this.socket.removeAllListeners(event);
    const secured = tls.connect({ socket: this.socket, servername: net.isIP(host) ? undefined : host, host, minVersion: 'TLSv1.2' });
    this.use(secured);
    await new Promise((resolve, reject) => {
      secured.once('secureConnect', resolve);
      secured.once('error', reject);
      secured.once('close', () => reject(this.broken ?? new Error('the server closed the connection')));
    });
  }
}

// send sends one message and reports how far it got. It never retries.
const send = async (s, password, recipient) => {
  const at = { stage: 'dns', stages: [] };
  const result = { status: 'failed', reply: null, error: null, certificate: null, message_id: null };
  let talk;
  let started = Date.now();
  let dotSent = false;
  const step = async (stage, work) => {
    at.stage = stage;
    const value = await work();
    at.stages.push({ stage, milliseconds: Math.max(0, Date.now() - started) });
    started = Date.now();
    return value;
  };
  try {
    const ip = net.isIP(s.host) ? s.host : await step('dns', async () => {
      try {
        return (await dns.lookup(s.host, { verbatim: true })).address;
      } catch (error) {
        throw new Error(error.code === 'ENOTFOUND' ? `lookup ${s.host}: no such host` : `lookup ${s.host}: failed`);
      }
    });
    await step('connect', () => new Promise((resolve, reject) => {
      if (!mayDial(ip)) return reject(new Error('the address is not public, and its network is not among those that this site allows'));
      const socket = net.connect({ host: ip, port: s.port, timeout: 10_000 });
      talk = new Conversation(socket);
      socket.once('connect', resolve);
      socket.once('error', (error) => reject(new Error(`connect: ${error.code ?? 'timeout'}`)));
    }));
    const secure = () => step('tls', () => talk.secure(s.host));
    const hello = () => step('ehlo', async () => (await talk.say(`EHLO ${s.helo_name || 'localhost'}`, '250')).lines.map((l) => l.toUpperCase()));
    if (s.encryption === 'tls') await secure();
    await step('banner', () => talk.say(null, '220'));
    let offers = await hello();
    if (s.encryption === 'starttls') {
      await step('starttls', async () => {
        if (!offers.includes('STARTTLS')) throw new Error('the server does not offer STARTTLS, which is required');
        await talk.say('STARTTLS', '220');
      });
      await secure();
      offers = await hello();
    }
    if (s.username) {
      await step('auth', async () => {
        const mechanisms = offers.find((l) => l.startsWith('AUTH ')) ?? '';
        const encode = (text) => Buffer.from(text, 'utf8').toString('base64');
        if (mechanisms.includes('PLAIN')) return talk.say(`AUTH PLAIN ${encode(`\0${s.username}\0${password}`)}`, '235');
        if (!mechanisms.includes('LOGIN')) throw new Error('the server offers neither AUTH PLAIN nor AUTH LOGIN');
        await talk.say('AUTH LOGIN', '334');
        await talk.say(encode(s.username), '334');
        return talk.say(encode(password), '235');
      });
    }
    await step('mail', () => talk.say(`MAIL FROM:<${s.from_address}>`, '250'));
    await step('rcpt', () => talk.say(`RCPT TO:<${recipient}>`, '25'));
    const { reply } = await step('data', async () => {
      await talk.say('DATA', '354');
      result.message_id = `${randomUUID()}@${s.from_address.split('@')[1]}`;
      const name = s.from_name && `=?UTF-8?B?${Buffer.from(s.from_name, 'utf8').toString('base64').slice(0, 1000)}?= `;
      dotSent = true;
      return talk.say([`Date: ${new Date().toUTCString().replace('GMT', '+0000')}`, `From: ${name}<${s.from_address}>`, `To: <${recipient}>`, 'Subject: Test message',
        `Message-ID: <${result.message_id}>`, 'MIME-Version: 1.0', 'Content-Type: text/plain; charset=utf-8', '', 'This message tests the mail settings of a site.', '.'].join('\r\n'), '250');
    });
    Object.assign(result, { status: 'passed', reply });
    talk.socket.end('QUIT\r\n');
  } catch (error) {
    if (error instanceof Refused) result.reply = error.reply;
    else {
      result.error = String(error.message).slice(0, 500);
      if (dotSent) result.status = 'in_doubt'; // the server may have accepted the message
    }
  } finally {
    talk?.socket.destroySoon?.();
  }
  // If the server repeats the login in a reply, it is redacted. The recipient need not be, because the caller sent it.
  for (const text of [result.reply, result]) {
    const name = text === result ? 'error' : 'text';
    if (password && text?.[name]) text[name] = text[name].split(recipient).map((part) => part.replaceAll(password, '***')).join(recipient);
  }
  return { ...result, ...at, tested_at: now(), diagnosis: null };
};

// ---- The requests

const running = new Map();

const testAnswer = (id) => {
  const t = db.tests[id];
  if (!t) throw new Problem(404, 'not_found', 'No test was recorded under this key.');
  const blank = { stage: null, reply: null, error: null, certificate: null, stages: [], message_id: null, tested_at: null, diagnosis: null };
  if (t.result) return { status: 200, body: { key: id, recipient: t.recipient, ...t.result } };
  if (running.has(id)) return { status: 202, headers: { 'Retry-After': '1' }, body: { key: id, recipient: t.recipient, ...blank, status: 'running' } };
  return { status: 200, body: { key: id, recipient: t.recipient, ...blank, status: 'in_doubt', error: 'the site stopped while this test was running', tested_at: t.started_at } };
};

const putTest = async (request, id) => {
  if (!uuid.test(id)) throw new Problem(400, 'malformed', 'The key must be a UUID.');
  const b = await body(request, ['recipient'], ['settings', 'password', 'site_id']);
  checkSite(b.site_id);
  if (b.settings) {
    checkCandidate(b.settings, b.password);
    if (b.settings.username && b.password === undefined) throw passwordRequired('The password must come with the settings to test.');
  } else if (b.password !== undefined) throw invalid('password', 'must not come without settings');
  checkAddress('recipient', b.recipient);
  const same_ = mac('test', b.settings ? listed(b.settings) : null, b.password ?? null, b.recipient);
  if (db.tests[id]) {
    const right = same(db.tests[id].mac, same_);
    if (b.password !== undefined) compare(right);
    if (!right) throw new Problem(422, 'key_reused', 'This key was used with another body.');
    await Promise.race([running.get(id), new Promise((resolve) => { setTimeout(resolve, 5000).unref(); })]);
    return testAnswer(id);
  }
  const [settings, password] = b.settings ? [b.settings, b.password ?? ''] : [db.settings, unseal(db)];
  if (!settings.host) throw new Problem(409, 'not_configured', 'Nothing is saved that could be tested.');
  if (settings.username && !password) throw passwordRequired('No password is stored for this username.');
  messages.take('');
  const recent = Object.entries(db.tests).filter(([k, t]) => running.has(k) || Date.parse(t.started_at) > Date.now() - 1440 * minute);
  // Recorded before the first packet, so that a crash never leads to a second message.
  store({ ...db, tests: { ...Object.fromEntries(recent), [id]: { mac: same_, settings, recipient: b.recipient, started_at: now(), result: null, pass: null } } });
  const run = send(settings, password, b.recipient).then((result) => {
    const t = { ...db.tests[id], result };
    if (result.status === 'passed') t.pass = proof(settings, password, verificationOf(t));
    store({ ...db, tests: { ...db.tests, [id]: t } });
  }).catch((error) => console.error('The result of a test could not be stored:', error.message)).finally(() => running.delete(id));
  running.set(id, run);
  await Promise.race([run, new Promise((resolve) => { setTimeout(resolve, 5000).unref(); })]);
  return testAnswer(id);
};

const verificationOf = (t) => ({
  tested_at: t.result.tested_at, recipient: t.recipient, message_id: t.result.message_id,
  reply: [t.result.reply.code, t.result.reply.enhanced_code, t.result.reply.text].filter(Boolean).join(' '),
});

const smtp = () => ({
  status: 200,
  headers: { ETag: `"${db.revision}"` },
  body: {
    site_id: db.site_id, api_version: 1, settings: db.settings, enabled: db.enabled, revision: String(db.revision), updated_at: db.updated_at,
    updated_by: db.updated_by, last_write_id: db.last_write_id, password_set: db.sealed !== null, password_id: db.password_id, verification: db.verification,
  },
});

const checkRevision = (revision) => {
  if (revision !== String(db.revision)) {
    throw new Problem(412, 'stale', 'The site was changed since it was read.', { revision: String(db.revision), updated_by: db.updated_by ?? undefined });
  }
};
const stamp = (next) => store({ ...db, ...next, revision: db.revision + 1, updated_at: now(), updated_by: 'terraform' });

// putSMTP is the only code that can set enabled. It never awaits after the body is read, so writes cannot interleave.
const putSMTP = async (request) => {
  const revision = revisionOf(request);
  const b = await body(request, ['settings', 'enabled', 'write_id'], ['password', 'site_id']);
  if (!uuid.test(b.write_id)) throw invalid('write_id', 'must be a UUID');
  checkSite(b.site_id);
  checkCandidate(b.settings, b.password);
  const write = mac('write', listed(b.settings), b.password ?? null, b.enabled);
  if (b.write_id === db.last_write_id) {
    const right = same(db.write_mac, write);
    if (b.password !== undefined) compare(right);
    if (!right) throw new Problem(422, 'key_reused', 'This write_id was used with another body.', { field: 'write_id' });
    return smtp();
  }
  checkRevision(revision);
  const changed = listed(b.settings).some((value, i) => value !== listed(db.settings)[i]);
  let kept = { sealed: null, password_id: null };
  let password = '';
  if (b.settings.username && b.password !== undefined) {
    const id = randomUUID();
    password = b.password;
    kept = { sealed: seal(password, b.settings, id), password_id: id };
  } else if (b.settings.username) {
    if (changed) throw passwordRequired('The password must come with changed settings.');
    if (b.enabled && !db.sealed) throw passwordRequired('No password is stored for this username.');
    password = unseal(db);
    kept = { sealed: db.sealed, password_id: db.password_id };
  }
  const passes = Object.values(db.tests).filter((t) => t.pass && mac(listed(t.settings)) === mac(listed(b.settings)))
    .map((t) => ({ verification: verificationOf(t), pass: t.pass })).reverse();
  if (db.verification && !changed) passes.push({ verification: db.verification, pass: db.pass });
  const found = passes.find((p) => same(p.pass, proof(b.settings, password, p.verification)));
  if (passes.length > 0 && b.password !== undefined) compare(found !== undefined);
  const staysOn = db.enabled && !changed && same(db.pass, proof(b.settings, password, db.verification));
  const recent = found && Math.abs(Date.now() - Date.parse(found.verification.tested_at)) <= 60 * minute;
  if (b.enabled && !staysOn && !recent) throw new Problem(409, 'verification_required', 'These settings and this password passed no test in the last hour.');
  stamp({ settings: b.settings, enabled: b.enabled, ...kept, verification: found?.verification ?? null, pass: found?.pass ?? null, last_write_id: b.write_id, write_mac: write });
  return smtp();
};

const deleteSMTP = (request) => {
  const revision = revisionOf(request);
  checkSite(request.headers['site-id']);
  checkRevision(revision);
  stamp(clear());
  return smtp();
};

// This site has no logins, only the token: every login is refused, and still counted.
const createSession = async (request) => {
  const { username } = await body(request, ['username', 'password']);
  logins.take(`${request.socket.remoteAddress} ${username}`);
  throw new Problem(401, 'unauthorized', 'The username or the password is wrong.');
};

const routes = {
  '/session': { POST: createSession },
  '/site': { GET: () => ({ status: 200, body: { site_id: db.site_id, name: 'Site', product: 'site-in-node', api_version: 1 } }) },
  '/smtp': { GET: smtp, PUT: putSMTP, DELETE: deleteSMTP },
  '/smtp/presets': { GET: () => ({ status: 200, body: { presets: [] } }) },
};
const routeOf = (below) => {
  const id = /^\/smtp\/tests\/([^/]+)$/.exec(below)?.[1];
  return id ? { GET: () => testAnswer(id), PUT: (request) => putTest(request, id) } : routes[below];
};

const digest = (text) => createHash('sha256').update(text).digest();
const answer = async (request) => {
  const below = request.url.split('?')[0].replace(/^\/admin\/api\/v1/, '');
  const route = request.url.startsWith('/admin/api/v1/') ? routeOf(below) : undefined;
  if (!route) throw new Problem(404, 'not_found', 'There is nothing at this address.');
  const call = route[request.method];
  if (!call) throw new Problem(405, 'method_not_allowed', 'This address takes other methods.', { allow: Object.keys(route).join(', ') });
  const [, token] = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (call !== createSession && (!token || !timingSafeEqual(digest(token), digest(env.SITE_TOKEN)))) throw new Problem(401, 'unauthorized', 'The token is missing or not accepted here.');
  return call(request);
};

const respond = (response, { status, headers = {}, body: value }, type = 'application/json') => {
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff', ...headers });
  response.end(JSON.stringify(value));
};
const server = http.createServer(async (request, response) => {
  try {
    respond(response, await answer(request));
  } catch (error) {
    if (!(error instanceof Problem)) console.error(error.stack);
    const p = error instanceof Problem ? error : new Problem(500, 'internal', "Internal error; see the site's log.");
    const { retryAfter, allow, ...more } = p.more;
    const headers = { ...(retryAfter && { 'Retry-After': String(retryAfter) }), ...(allow && { Allow: allow }), ...(p.status === 401 && { 'WWW-Authenticate': 'Bearer' }) };
    respond(response, { status: p.status, headers, body: { type: 'about:blank', title: http.STATUS_CODES[p.status], status: p.status, code: p.code, detail: p.message, ...more } }, 'application/problem+json');
  }
});
server.requestTimeout = 30_000;
server.listen(Number(env.PORT ?? 8080), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
