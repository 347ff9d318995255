// A house that looks lived in, for pages to show: made once for all tests of a file, through the API.

import { spawn } from 'node:child_process';
import { api, branch, database, must, operator, token, until, world } from './world.mjs';

// Names as unkind as names may be.
export const HOSTILE = '"><script>alert(1)</script>\u202e مرحبا';
// The same without what turns the direction of text, which names of passwords may not have.
export const UNKIND = HOSTILE.replace('\u202e', '');
const SCHEMA = `
  CREATE TABLE product (id BIGINT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(200) NOT NULL, price DECIMAL(10, 2) NOT NULL,
    made_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, KEY by_name (name)) COMMENT 'What is sold';
  CREATE TABLE cart_item (cart BIGINT NOT NULL, product BIGINT NOT NULL, count INT UNSIGNED NOT NULL DEFAULT 1,
    PRIMARY KEY (cart, product), FOREIGN KEY (product) REFERENCES product (id));
  CREATE VIEW cheap AS SELECT id, name FROM product WHERE price < 10;`;
// What keeps a branch from production.
const UNFIT = `
  CREATE TABLE log_line (at DATETIME NOT NULL, said TEXT);
  CREATE TABLE visit (id BIGINT PRIMARY KEY, page VARCHAR(200)) CHARACTER SET ucs2;`;
// What takes a client longer than the pictures do.
const BUSY = "SELECT SLEEP(600), '<i>a long report</i>'";
export const LONG = 'w'.repeat(200);

// A member without a further role, to see what he may not do. Whoever looks at pages as him has furnished first.
export const member = { email: 'ben@example.com', password: world.password };

let made;

// Answers the ids of what pages need an id for.
export function furnished() {
  made ??= furnish();
  return made;
}

async function furnish() {
  await Promise.all([database('shop'), database('wiki')]);
  await Promise.all([branch('shop', 'dev'), branch('shop', 'feature-cart'), branch('wiki', 'draft'), branch('wiki', 'idle')]);
  await branch('shop', 'feature-cart-icons', 'feature-cart');
  await must('POST', '/databases/wiki/branches/idle/sleep');
  await operator(['admin', 'user', 'create', member.email, '--name', 'Ben Bitdiddle', '--password-stdin'], member.password);
  await operator(['admin', 'member', 'add', member.email, '--organization', world.organization]);
  await operator(['shell', 'shop', 'dev', '--', '-e', SCHEMA]);
  await operator(['shell', 'wiki', 'draft', '--', '-e', UNFIT]);
  const busy = await token('CI on every pull request', [
    { database: null, accesses: ['read_organization'] },
    { database: '*', accesses: ['read_branch'] },
    { database: 'shop', accesses: ['create_branch', 'delete_branch', 'write_backups'] },
  ]);
  const empty = await token(HOSTILE);
  await token(LONG);
  await must('POST', '/service-tokens', { name: 'for a week', ttl: 7 * 24 * 3600 });
  // Some of it allowed, some refused.
  for (const [method, path, body] of [
    ['GET', '/databases/shop/branches', undefined],
    ['GET', '/databases/shop/branches/dev', undefined],
    ['GET', '/databases/wiki/branches/main', undefined],
    ['POST', '/databases/wiki/branches', { name: 'dev' }],
    ['DELETE', '/databases/shop/branches/main', undefined],
    ['POST', '/databases', { name: 'mine' }],
  ]) {
    await api(method, path, body, busy.authorization);
  }
  // What is shown as curves is written every few seconds.
  await until('the figures are there', async () => {
    const figures = await must('GET', `/service-tokens/${busy.id}/figures`);
    return figures.total.requests >= 6;
  });
  const passwords = '/databases/shop/branches/dev/passwords';
  const password = await must('POST', passwords, { name: 'the shop on staging', role: 'readwriter', ttl: 30 * 24 * 3600, cidrs: ['10.0.0.0/8', '2001:db8::/32'] });
  await must('POST', passwords, { name: UNKIND, role: 'reader' });
  await must('POST', passwords, { name: LONG, role: 'admin' });
  await must('POST', passwords, { name: 'pscale-cli-connect-2026', ttl: 300 });
  await must('POST', '/databases/shop/branches/main/passwords', { name: 'reports', role: 'reader' });
  await connect('/databases/wiki/branches/draft');
  await until('a branch is asleep', async () => (await must('GET', '/databases/wiki/branches/idle')).state === 'sleeping');
  const members = await must('GET', '/members?q=ben');
  return { busy: busy.id, empty: empty.id, password: password.id, ben: members.data[0].user.id };
}

// Somebody is connected to the branch, until Bough ends.
async function connect(branch) {
  const { username, plain_text, mysql_address } = await must('POST', `${branch}/passwords`, { name: 'reports', role: 'reader' });
  const [host, port] = mysql_address.split(':');
  const options = [`--host=${host}`, `--port=${port}`, `--user=${username}`, '--ssl', '-e', BUSY];
  // Nobody waits for its answer.
  spawn('mariadb', options, { env: { ...process.env, MYSQL_PWD: plain_text }, stdio: 'ignore' }).unref();
}
