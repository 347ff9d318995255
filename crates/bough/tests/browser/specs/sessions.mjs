// Staying in, and getting out.

import assert from 'node:assert/strict';
import { axe } from '../lib/checks.mjs';
import { admin, fillIn, logIn, visit } from '../lib/visit.mjs';
import { api, at, fresh } from '../lib/world.mjs';

const path = (page) => new URL(page.url()).pathname;

visit('whoever is nobody gets to where he wanted once he is somebody', async (page) => {
  await page.goto('/account');
  assert.equal(path(page), '/login');
  await fillIn(page, admin);
  await page.waitForURL('**/account');
});

visit('signing out ends it in every tab, and going back shows nothing', async (page, { context }) => {
  await logIn(page);
  await page.goto(at());
  const other = await context.newPage();
  await other.goto(at());
  await page.locator('summary', { hasText: 'Account:' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL('**/login**');
  await other.reload();
  assert.equal(path(other), '/login');
  await page.goBack();
  await page.waitForLoadState();
  assert.equal(path(page), '/login', 'pages are not kept by the browser');
});

visit('a session that ends in the middle of a form: it is said, nothing is changed, and nothing is lost', async (page, { context }) => {
  await logIn(page);
  await page.goto(at('new'));
  const name = fresh('db');
  await page.getByLabel('Name').fill(name);
  const session = (await context.cookies()).find((cookie) => cookie.name.endsWith('bough_session'));
  await context.clearCookies({ name: session.name });
  await page.getByRole('button', { name: 'Create database' }).click();
  await page.getByRole('heading', { level: 1, name: 'Your session has ended' }).waitFor();
  await axe(page);
  assert.equal((await api('GET', `/databases/${name}`)).status, 404);
  await page.getByText('what you had typed is kept').waitFor();
  await fillIn(page, admin);
  // Logged in again, it is sent by one press, and nothing has to be typed twice.
  await page.getByRole('heading', { level: 1, name: 'Send what you had typed?' }).waitFor();
  await axe(page);
  assert.equal((await api('GET', `/databases/${name}`)).status, 404, 'not by itself');
  await page.getByRole('button', { name: 'Send it now' }).click();
  await page.waitForURL(`**${at(name)}`);
  assert.equal((await api('GET', `/databases/${name}`)).status, 200);
});

visit('the same in a dialog', async (page, { context }) => {
  await logIn(page);
  await page.goto(at('settings', 'service-tokens'));
  await page.getByRole('link', { name: 'New service token' }).first().click();
  const name = fresh('token');
  await page.getByRole('dialog').getByLabel('Name').fill(name);
  const session = (await context.cookies()).find((cookie) => cookie.name.endsWith('bough_session'));
  await context.clearCookies({ name: session.name });
  await page.getByRole('button', { name: 'Create service token' }).click();
  await page.getByRole('dialog').getByText('Your session has ended').waitFor();
  await axe(page);
  await fillIn(page, admin);
  await page.getByText(name).first().waitFor();
  await page.getByRole('button', { name: 'Send it now' }).click();
  await page.getByRole('heading', { level: 1, name: 'Service token created' }).waitFor();
});

visit('a form of a session before changes nothing, and is sent again by one press', async (page, { context }) => {
  await logIn(page);
  await page.goto(at('new'));
  const name = fresh('db');
  const other = await context.newPage();
  await other.goto(at());
  await other.locator('summary', { hasText: 'Account:' }).click();
  await other.getByRole('button', { name: 'Sign out' }).click();
  await other.waitForURL('**/login**');
  await fillIn(other, admin);
  await other.waitForURL((url) => url.pathname !== '/login');
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Create database' }).click();
  await page.getByRole('heading', { level: 1, name: 'Send what you had typed?' }).waitFor();
  await page.getByText('opened before you logged in, so nothing was changed').waitFor();
  await axe(page);
  assert.equal((await api('GET', `/databases/${name}`)).status, 404);
  await page.getByRole('button', { name: 'Send it now' }).click();
  await page.waitForURL(`**${at(name)}`);
});
