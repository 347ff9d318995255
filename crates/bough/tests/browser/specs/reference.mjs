// The reference of the API: finding a call, and trying one with a token of one's own.

import assert from 'node:assert/strict';
import { visit } from '../lib/visit.mjs';
import { api, world } from '../lib/world.mjs';

const [id, token] = world.authorization.split(':');
const dialog = (page) => page.getByRole('dialog');

async function openTry(page, name) {
  await page.getByRole('button', { name: `Try it: ${name}`, exact: true }).click();
  await dialog(page).getByLabel('Token id').fill(id);
  await dialog(page).getByLabel('Token', { exact: true }).fill(token);
}

async function answer(page, status) {
  await dialog(page).locator('figcaption', { hasText: status }).waitFor();
  return dialog(page).locator('figure code').textContent();
}

visit('a call is found by what a token needs for it', async (page) => {
  await page.goto('/docs');
  await page.getByLabel('Search').fill('delete_production_branch');
  const rows = page.locator('tbody tr:visible th');
  assert.ok((await rows.allTextContents()).includes('Delete branch'));
  assert.ok(!(await rows.allTextContents()).includes('Create database'));
  await page.getByRole('link', { name: 'Delete branch', exact: true }).click();
  assert.equal(new URL(page.url()).hash, '#delete_branch');
  await page.locator('#delete_branch').getByText('On a production branch').waitFor();
});

visit('a call is tried with one’s own token, which goes to the API and nowhere else', async (page) => {
  const sent = [];
  page.on('request', (request) => sent.push(request));
  await page.goto('/docs/databases');
  await openTry(page, 'List databases');
  await dialog(page).getByLabel('organization').fill(world.organization);
  await dialog(page).getByLabel('per_page').fill('1');
  await dialog(page).getByRole('button', { name: 'Send' }).click();
  assert.equal(JSON.parse(await answer(page, '200')).per_page ?? 1, 1);
  const call = sent.find((request) => request.url().includes('/v1/'));
  assert.equal(new URL(call.url()).search, '?per_page=1');
  assert.equal((await call.allHeaders()).authorization, world.authorization);
  assert.equal((await call.allHeaders()).cookie, undefined);
  for (const request of sent.filter((request) => request !== call)) {
    const all = `${request.url()} ${JSON.stringify(await request.allHeaders())} ${request.postData() ?? ''}`;
    assert.ok(!all.includes(token), `${request.url()} was sent the token`);
  }
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  assert.ok(!kept.includes(token));
  assert.ok(!page.url().includes(token));
  await page.reload();
  await page.getByRole('button', { name: 'Try it: List databases', exact: true }).click();
  assert.equal(await dialog(page).getByLabel('Token', { exact: true }).inputValue(), '');
});

visit('what changes things is asked about first', async (page) => {
  const name = `tried-${Math.random().toString(36).slice(2, 8)}`;
  await page.goto('/docs/databases');
  await openTry(page, 'Create database');
  await dialog(page).getByLabel('organization').fill(world.organization);
  await dialog(page).getByLabel('Body', { exact: true }).fill(JSON.stringify({ name }));
  const send = dialog(page).getByRole('button', { name: 'Send' });
  await send.click();
  await dialog(page).getByRole('button', { name: 'Not now' }).click();
  assert.equal((await api('GET', `/databases/${name}`)).status, 404);
  await send.click();
  await dialog(page).getByRole('button', { name: 'Carry it out' }).click();
  assert.equal(JSON.parse(await answer(page, '201')).name, name);
  assert.equal((await api('GET', `/databases/${name}`)).status, 200);
});

visit('a name that would lead elsewhere is not sent, and a refusal is shown as it is', async (page) => {
  const sent = [];
  await page.goto('/docs/databases');
  // The browser may ask for the icon at any time.
  page.on('request', (request) => request.url().includes('/assets/') || sent.push(request.url()));
  await openTry(page, 'Get database');
  await dialog(page).getByLabel('organization').fill(world.organization);
  await dialog(page).getByLabel('database').fill('..');
  await dialog(page).getByRole('button', { name: 'Send' }).click();
  await answer(page, 'No answer');
  assert.deepEqual(sent, []);
  await dialog(page).getByLabel('database').fill('a/../<b>?#');
  await dialog(page).getByRole('button', { name: 'Send' }).click();
  await answer(page, '404');
  assert.equal(sent.length, 1);
  assert.ok(sent[0].endsWith('/databases/a%2F..%2F%3Cb%3E%3F%23'), sent[0]);
});

visit('without script there is the line to paste, and no form', { script: false }, async (page) => {
  await page.goto('/docs/branches');
  assert.match(await page.locator('#create_branch-curl').textContent(), /^curl -X POST /);
  assert.equal(await page.getByRole('button', { name: /Try it/ }).count(), 0);
});
