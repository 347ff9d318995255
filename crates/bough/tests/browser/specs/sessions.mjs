// Staying in, and getting out.

import assert from 'node:assert/strict';
import { admin, fillIn, logIn, visit } from '../lib/visit.mjs';
import { at } from '../lib/world.mjs';

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
  await page.getByText('Account:').click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL('**/login**');
  await other.reload();
  assert.equal(path(other), '/login');
  await page.goBack();
  await page.waitForLoadState();
  assert.equal(path(page), '/login', 'pages are not kept by the browser');
});

visit('a session that ends in the middle of a form loses nothing', async (page, { context }) => {
  await logIn(page);
  await page.goto(at('new'));
  const name = 'typed-before-it-ended';
  await page.getByLabel('Name').fill(name);
  const session = (await context.cookies()).find((cookie) => cookie.name.endsWith('bough_session'));
  await context.clearCookies({ name: session.name });
  await page.locator('main').getByRole('button').first().click();
  await page.waitForLoadState();
  assert.match(await page.locator('main').textContent(), /session|log in/i);
  const inOtherTab = await context.newPage();
  await logIn(inOtherTab);
  await page.goBack();
  assert.equal(await page.getByLabel('Name').inputValue(), name, 'what was typed is still there');
});
