// Where the tests are: a Bough of their own, which the Rust side started, and ways to it that are not the
// browser's.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

// Longest wait for a condition, in milliseconds: a branch comes up meanwhile, on a machine that also builds.
const LIMIT_MS = 60_000;
// How often a condition is looked at, in milliseconds.
const LOOK_EVERY_MS = 50;

function given(name) {
  const value = process.env[name];
  if (value === undefined || value === '') {
    throw new Error(`${name} is not set: run these by "cargo test -p bough --test browser"`);
  }
  return value;
}

export const world = {
  base: given('BOUGH_URL'),
  email: given('BOUGH_EMAIL'),
  password: given('BOUGH_PASSWORD'),
  organization: given('BOUGH_ORGANIZATION'),
  // Of the token that holds everything.
  authorization: given('BOUGH_AUTHORIZATION'),
  binary: given('BOUGH_BINARY'),
  dataDir: given('BOUGH_DATA_DIR'),
  chromium: given('BOUGH_CHROMIUM'),
  // What a failed test leaves to be looked at.
  evidence: given('BOUGH_EVIDENCE'),
  // Where pictures of pages go; none are made without.
  screenshots: process.env.BOUGH_SCREENSHOTS ?? '',
  // Only pages whose name contains this.
  pages: process.env.BOUGH_PAGES ?? '',
};

// A path of the organization's pages: ('shop', 'dev') is /acme/shop/dev.
export function at(...parts) {
  return `/${[world.organization, ...parts].map(encodeURIComponent).join('/')}`;
}

// A request to the API; `path` is below the organization.
export async function api(method, path, body, authorization = world.authorization) {
  const answer = await fetch(`${world.base}/v1/organizations/${world.organization}${path}`, {
    method,
    headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  let json = null;
  try {
    json = JSON.parse(text);
  } catch {
    // No JSON: the text says it.
  }
  return { status: answer.status, text, json };
}

// The same, when it has to succeed.
export async function must(method, path, body) {
  const answer = await api(method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
  return answer.json;
}

// Runs the binary on the Bough's directory, such as operator('admin', 'member', 'list'), with something to read.
export async function operator(args, input = '') {
  const end = args.indexOf('--');
  const own = end < 0 ? args.length : end;
  const whole = [...args.slice(0, own), '--data-dir', world.dataDir, ...args.slice(own)];
  const running = promisify(execFile)(world.binary, whole, { timeout: LIMIT_MS });
  // Whoever reads nothing may have ended by now; how it ended is said below.
  running.child.stdin.on('error', () => {});
  running.child.stdin.end(input);
  return (await running).stdout;
}

export async function until(what, condition) {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within ${LIMIT_MS} ms: ${what}`);
    await new Promise((later) => setTimeout(later, LOOK_EVERY_MS));
  }
}

let names = 0;

// A name that no other test has: files of tests run side by side on one Bough.
export function fresh(prefix) {
  names += 1;
  return `${prefix}-${process.pid}-${names}`;
}

// A database with its first branch, ready.
export async function database(name) {
  const made = await api('POST', '/databases', { name });
  // Whoever came first has made it.
  if (made.status !== 201 && made.status !== 422) throw new Error(`${name}: ${made.status} ${made.text}`);
  await ready(name, 'main');
}

export async function branch(database, name, base = 'main') {
  await must('POST', `/databases/${database}/branches`, { name, parent_branch: base });
  await ready(database, name);
}

async function ready(database, name) {
  await until(`${database}/${name} is ready`, async () => {
    const answer = await api('GET', `/databases/${database}/branches/${name}`);
    return answer.json?.ready === true;
  });
}

// A service token with grants: [{ database: 'shop' | '*' | null, accesses: [...] }]. Answers id and authorization.
export async function token(name, grants = []) {
  const made = await must('POST', '/service-tokens', { name });
  await must('PUT', `/service-tokens/${made.id}/grants`, { grants });
  return { id: made.id, authorization: `${made.id}:${made.token}` };
}
