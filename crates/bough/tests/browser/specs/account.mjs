// One's own account: name, time zone, password, sessions, theme.

import assert from 'node:assert/strict';
import { axe, noOverflow } from '../lib/checks.mjs';
import { HOSTILE } from '../lib/furnish.mjs';
import { fillIn, logIn, open, visit } from '../lib/visit.mjs';
import { at, fresh, operator, world } from '../lib/world.mjs';

const ANOTHER = 'another battery staple';

// Each test has somebody of its own.
async function somebody() {
  const email = `${fresh('own')}@example.com`;
  await operator(['admin', 'user', 'create', email, '--name', 'Grace', '--password-stdin'], world.password);
  await operator(['admin', 'member', 'add', email, '--organization', world.organization, '--role', 'admin']);
  return { email, password: world.password };
}

visit('name and time zone are one\'s own, and times are told there', async (page) => {
  await logIn(page, await somebody());
  await page.goto('/account');
  await page.getByLabel('Name', { exact: true }).fill('x'.repeat(1000));
  await page.getByRole('button', { name: 'Save profile' }).click();
  await page.locator('#name-error').waitFor();
  assert.equal((await page.getByLabel('Name', { exact: true }).inputValue()).length, 1000, 'kept');
  await page.getByLabel('Name', { exact: true }).fill(HOSTILE);
  await page.getByLabel('Time zone').selectOption('Asia/Tokyo');
  await page.getByRole('button', { name: 'Save profile' }).click();
  await page.getByText('JST').waitFor();
  await axe(page);
  await noOverflow(page);
  await page.goto(at('settings', 'service-tokens', 'new'));
  await page.getByText('in your time zone (Asia/Tokyo)').waitFor();
});

visit('what is typed and not saved is not lost by leaving', async (page) => {
  await logIn(page, await somebody());
  await page.goto('/account');
  await page.getByLabel('Name', { exact: true }).fill('Grace Hopper');
  const asked = new Promise((heard) => page.once('dialog', (dialog) => heard(dialog.type())));
  await page.locator('header').getByRole('link', { name: 'Databases' }).click();
  assert.equal(await asked, 'beforeunload');
});

for (const script of [true, false]) {
  visit(`another password ends all other sessions${script ? '' : ', without script'}`, { script }, async (page) => {
    const who = await somebody();
    const elsewhere = await open();
    await logIn(elsewhere.page, who);
    await logIn(page, who);
    await page.goto('/account');
    const change = async (current, next, again) => {
      await page.getByLabel('Current password').fill(current);
      await page.getByLabel('New password', { exact: true }).fill(next);
      await page.getByLabel('New password again').fill(again);
      await page.getByRole('button', { name: 'Change password' }).click();
    };
    await change(who.password, ANOTHER, `${ANOTHER}!`);
    await page.locator('#new_password_again-error').waitFor();
    await change('wrong', ANOTHER, ANOTHER);
    await page.locator('#current_password-error').waitFor();
    assert.equal(await page.getByLabel('Current password').inputValue(), '', 'no password is put back');
    await change(who.password, ANOTHER, ANOTHER);
    await page.getByText(/password (was|is) changed/i).waitFor();
    await elsewhere.page.goto('/account');
    assert.equal(new URL(elsewhere.page.url()).pathname, '/login');
    await fillIn(elsewhere.page, { ...who, password: ANOTHER });
    await elsewhere.page.waitForURL('**/account');
    await elsewhere.context.close();
  });
}

visit('a browser elsewhere is signed out', async (page) => {
  const who = await somebody();
  const elsewhere = await open();
  await logIn(elsewhere.page, who);
  await logIn(page, who);
  await page.goto('/account');
  const rows = page.locator('#sessions tbody tr');
  assert.equal(await rows.count(), 2);
  await rows.filter({ hasNotText: 'This browser' }).getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('That browser is signed out.').waitFor();
  assert.equal(await rows.count(), 1);
  await elsewhere.page.goto('/account');
  assert.equal(new URL(elsewhere.page.url()).pathname, '/login');
  await elsewhere.context.close();
});

visit('the theme that was chosen is kept', async (page) => {
  await logIn(page, await somebody());
  await page.goto('/account');
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.locator('#theme').getByRole('button', { name: 'Dark' }).click();
  await page.waitForFunction(() => document.documentElement.dataset.theme === 'dark');
  const dark = await ground();
  assert.notEqual(dark, light);
  await page.goto(at());
  assert.equal(await ground(), dark);
  await axe(page);
});
