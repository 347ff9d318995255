// A visit to the pages in a real browser. Whatever goes wrong on the way fails the test, also where nobody
// looks: errors in the console, exceptions, what the content security policy reports, requests to anybody
// else, assets that do not come.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { chromium } from 'playwright-core';
import { world } from './world.mjs';

// Longest time of one test, in milliseconds.
const TEST_LIMIT_MS = 240_000;
// Longest wait for one thing on a page, in milliseconds.
const STEP_LIMIT_MS = 45_000;

export const WIDTHS = [380, 768, 1280, 1600];
export const THEMES = ['light', 'dark'];
// Height of the window at a width.
const HEIGHTS = { 380: 800, 768: 1024, 1280: 800, 1600: 1000 };

// What a page is not complete without.
const ASSETS = ['stylesheet', 'script', 'image', 'font', 'manifest', 'other'];

let browser;

after(async () => {
  await (await browser)?.close();
});

function launch(sandbox) {
  return chromium.launch({
    executablePath: world.chromium,
    chromiumSandbox: sandbox,
    args: [
      '--disable-dev-shm-usage',
      '--font-render-hinting=none',
      // Nobody else is reached, whatever a page asks for.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
    ],
  });
}

async function started() {
  // The sandbox does not work for root, and in some containers for nobody. All that is opened is ours.
  if (process.getuid() === 0) return launch(false);
  try {
    return await launch(true);
  } catch (error) {
    process.stderr.write(`the browser does not start with its sandbox, so without: ${error.message.split('\n')[0]}\n`);
    return launch(false);
  }
}

function theBrowser() {
  browser ??= started();
  return browser;
}

// Notes whatever is wrong with a page while it is used.
function watch(page, faults) {
  const fault = (what) => faults.push(`${what} (on ${page.url()})`);
  page.on('console', (message) => {
    // What did not load is judged by its answer, below: some of it is meant to be refused.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      fault(`console: ${message.text()}`);
    }
  });
  page.on('pageerror', (error) => fault(`exception: ${error.stack ?? error}`));
  page.on('crash', () => fault('the page crashed'));
  page.on('dialog', async (dialog) => {
    // The question before leaving what was typed is meant.
    if (dialog.type() !== 'beforeunload') fault(`a ${dialog.type()} box: ${dialog.message()}`);
    await dialog.accept();
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin !== world.base && !['data:', 'blob:', 'about:'].includes(url.protocol)) {
      fault(`a request to somebody else: ${request.method()} ${request.url()}`);
    }
  });
  page.on('response', (response) => {
    const status = response.status();
    const kind = response.request().resourceType();
    if (status >= 500 || (status >= 400 && ASSETS.includes(kind))) {
      fault(`${status} for the ${kind} ${response.url()}`);
    }
  });
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText ?? 'no reason';
    // Leaving a page ends what it was still asking for.
    if (why !== 'net::ERR_ABORTED') fault(`no answer for ${request.url()}: ${why}`);
  });
}

const states = new Map();

// The cookies of somebody who has logged in, kept for all tests of a file.
async function signedIn(who) {
  if (!states.has(who.email)) {
    states.set(who.email, (async () => {
      const context = await (await theBrowser()).newContext({ baseURL: world.base });
      context.setDefaultTimeout(STEP_LIMIT_MS);
      const page = await context.newPage();
      await logIn(page, who);
      const state = await context.storageState();
      await context.close();
      return state;
    })());
  }
  return states.get(who.email);
}

// The first administrator, whom setup made.
export const admin = { email: world.email, password: world.password };

// Logs in by the form that `/` leads to.
export async function logIn(page, who = admin) {
  await page.goto('/login');
  await fillIn(page, who);
  await page.waitForURL((url) => url.pathname !== '/login');
}

// Fills in and sends the login form of a page.
export async function fillIn(page, who) {
  await page.locator('input[type=email]').fill(who.email);
  await page.locator('input[type=password]').fill(who.password);
  await page.getByRole('button', { name: 'Log in' }).click();
}

// Opens a window of its own, with nobody's cookies or those of `as`.
export async function open({ width = 1280, theme = 'light', script = true, as = null } = {}) {
  const faults = [];
  const context = await (await theBrowser()).newContext({
    baseURL: world.base,
    viewport: { width, height: HEIGHTS[width] ?? 800 },
    colorScheme: theme,
    reducedMotion: 'reduce',
    javaScriptEnabled: script,
    locale: 'en-GB',
    timezoneId: 'UTC',
    permissions: ['clipboard-read', 'clipboard-write'],
    storageState: as === null ? undefined : await signedIn(as),
  });
  context.setDefaultTimeout(STEP_LIMIT_MS);
  context.on('page', (page) => watch(page, faults));
  if (script) {
    // Not each violation is written to the console; each is an event.
    await context.exposeBinding('boughViolation', (_, what) => faults.push(`content security policy: ${what}`));
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        globalThis.boughViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
      });
    });
  }
  return { context, page: await context.newPage(), faults };
}

// Puts a page that is open into another theme and width.
export async function dress(page, { theme, width }) {
  await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
  await page.setViewportSize({ width, height: HEIGHTS[width] ?? 800 });
}

function fileName(text) {
  return text.replace(/[^A-Za-z0-9]+/g, '-').slice(0, 80);
}

// How often a page may still go on to another when a test is through with it.
const NAVIGATIONS_MAX = 3;

// What is noted of a page comes a moment after it happened; of one that goes on, once the next is there.
async function settled(page, script, left = NAVIGATIONS_MAX) {
  if (page.isClosed()) return;
  await page.waitForLoadState('load');
  if (!script) return;
  try {
    await page.evaluate(() => new Promise((later) => setTimeout(later)));
  } catch (error) {
    if (left === 0 || !/Execution context was destroyed/.test(error.message)) throw error;
    await settled(page, script, left - 1);
  }
}

// Opens a page, does `body` with it, and fails when that does or when the page was at fault meanwhile. `options`
// are those of `open`, and `expects`: patterns of faults that are meant.
export async function attempt(name, { expects = [], ...how }, body) {
  const { context, page, faults } = await open(how);
  try {
    await body(page, { context, faults });
    await settled(page, how.script ?? true);
    const unmeant = faults.filter((fault) => !expects.some((pattern) => pattern.test(fault)));
    if (unmeant.length > 0) throw new Error(`the page is at fault:\n  ${unmeant.join('\n  ')}`);
  } catch (error) {
    await keepEvidence(name, page);
    if (faults.length > 0) error.message += `\nnoted on the way:\n  ${faults.join('\n  ')}`;
    throw error;
  } finally {
    await context.close();
  }
}

// A test with a page, as `attempt`.
export function visit(name, options, body) {
  if (typeof options === 'function') return visit(name, {}, options);
  return test(name, { timeout: TEST_LIMIT_MS }, () => attempt(name, options, body));
}

// A picture and the markup of the page that a test failed on.
async function keepEvidence(name, page) {
  try {
    await mkdir(world.evidence, { recursive: true });
    const path = join(world.evidence, fileName(name));
    await page.screenshot({ path: `${path}.png`, fullPage: true });
    await writeFile(`${path}.html`, await page.content());
    process.stderr.write(`${name}: see ${path}.png and .html\n`);
  } catch {
    // The page may be closed; what failed is said anyway.
  }
}
