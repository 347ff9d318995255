// Getting in.

import assert from 'node:assert/strict';
import { axe, noOverflow } from '../lib/checks.mjs';
import { focusShows, tabTo, typeInto, use } from '../lib/keyboard.mjs';
import { admin, fillIn, logIn, open, visit } from '../lib/visit.mjs';
import { operator, world } from '../lib/world.mjs';

const path = (page) => new URL(page.url()).pathname;

visit('whoever is nobody is asked who he is', async (page) => {
  await page.goto('/');
  assert.equal(path(page), '/login');
  // RULES: the first form, with one field of each kind.
  const form = page.locator('form').first();
  assert.equal(await form.locator('input[type=email]').count(), 1);
  assert.equal(await form.locator('input[type=password]').count(), 1);
  await axe(page);
  await noOverflow(page);
  await fillIn(page, admin);
  await page.waitForURL((url) => url.pathname !== '/login');
});

visit('a wrong password says no more than an unknown address, and keeps what was typed', async (page) => {
  const said = [];
  for (const who of [{ ...admin, password: 'wrong' }, { email: 'nobody@example.com', password: 'wrong' }]) {
    await page.goto('/login');
    await fillIn(page, who);
    const alert = page.getByRole('alert');
    await alert.waitFor();
    said.push(await alert.textContent());
    assert.equal(await page.locator('input[type=email]').inputValue(), who.email);
    assert.equal(await page.locator('input[type=password]').inputValue(), '', 'but for the password');
    await axe(page);
  }
  assert.equal(said[0], said[1]);
});

visit('without script', { script: false }, async (page) => {
  await logIn(page);
  assert.notEqual(path(page), '/login');
});

visit('by the keyboard alone', async (page) => {
  await page.goto('/login');
  // First of all comes the way past everything that is on every page.
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('href')), '#main');
  await focusShows(page);
  await typeInto(page, page.getByLabel('E-mail'), world.email);
  await typeInto(page, page.getByLabel('Password'), world.password);
  await use(page, page.getByRole('button', { name: 'Log in' }));
  await page.waitForURL((url) => url.pathname !== '/login');
});

visit('the cookie is out of the reach of script and of other sites, and new at each login', async (page, { context }) => {
  const session = async () => (await context.cookies()).find(({ name }) => name.endsWith('bough_session'));
  await page.goto('/login');
  assert.equal(await session(), undefined, 'none before');
  await logIn(page);
  const first = await session();
  assert.ok(first.httpOnly && first.sameSite === 'Lax' && first.path === '/' && first.value.length >= 40, JSON.stringify(first));
  assert.equal(await page.evaluate(() => document.cookie.includes('bough_session')), false);
  const again = await context.newPage();
  await again.goto('/login');
  // Whoever is signed in may be shown the way in, or be taken to where he is.
  if (path(again) === '/login') {
    await fillIn(again, admin);
    await again.waitForURL((url) => url.pathname !== '/login');
    assert.notEqual((await session()).value, first.value);
  }
});

visit('a name that is markup is text', async (page) => {
  const name = '<img src=x onerror=alert(1)>"\'&\u202e';
  const email = 'hostile@example.com';
  await operator(['admin', 'user', 'create', email, '--name', name, '--password-stdin'], world.password);
  await logIn(page, { email, password: world.password });
  await noOverflow(page);
  await axe(page);
});

visit('others are not kept out by somebody who tries passwords', async (page) => {
  for (let tries = 0; tries < 12; tries += 1) {
    await page.goto('/login');
    await fillIn(page, { email: `guess-${tries % 3}@example.com`, password: 'wrong' });
    await page.getByRole('alert').waitFor();
  }
  const elsewhere = await open();
  await logIn(elsewhere.page);
  await elsewhere.context.close();
});
