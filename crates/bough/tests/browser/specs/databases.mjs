// Databases and branches on pages: from nothing to a branch that is gone again, and what goes wrong on the way.

import assert from 'node:assert/strict';
import { axe, noOverflow } from '../lib/checks.mjs';
import { press } from '../lib/tokens.mjs';
import { tabTo, use } from '../lib/keyboard.mjs';
import { admin, logIn, visit } from '../lib/visit.mjs';
import { api, at, branch, database, fresh, must, operator, until } from '../lib/world.mjs';

const path = (page) => new URL(page.url()).pathname;

// A branch comes up while somebody looks: the page says so by itself.
async function comesUp(page) {
  await page.locator('#state, [data-state]').filter({ hasText: 'Ready' }).first().waitFor({ timeout: 60_000 });
}

visit('a database and a branch, from nothing to gone', { as: admin }, async (page) => {
  const name = fresh('db');
  await page.goto(at());
  await press(page, 'New database').click();
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Create database' }).click();
  await page.waitForURL(`**${at(name)}*`);
  await comesUp(page);
  await axe(page);

  await press(page, 'New branch').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('dev');
  await dialog.getByRole('button', { name: 'Create branch' }).click();
  await page.waitForURL(`**${at(name, 'dev')}*`);
  await comesUp(page);
  assert.equal((await must('GET', `/databases/${name}/branches/dev`)).parent_branch, 'main');
  await operator(['shell', name, 'dev', '--', '-e', 'CREATE TABLE seen_on_the_page (id INT PRIMARY KEY)']);
  await until('its schema is shown', async () => {
    await page.reload();
    return (await page.locator('main').textContent()).includes('seen_on_the_page');
  });
  await noOverflow(page);
  await axe(page);

  await page.getByLabel('New name').fill('next');
  await page.getByRole('button', { name: 'Rename' }).click();
  await page.waitForURL(`**${at(name, 'next')}*`);
  await press(page, 'Promote to production').click();
  await page.getByRole('button', { name: 'Promote to production' }).last().click();
  await page.getByText('Demote to development').first().waitFor();
  assert.equal((await must('GET', `/databases/${name}/branches/next`)).production, true);
  await page.getByRole('button', { name: 'Set as default branch' }).click();
  await page.getByText('Default', { exact: true }).first().waitFor();
  assert.equal((await must('GET', `/databases/${name}`)).default_branch, 'next');

  // It has to be typed what goes, and it goes only then.
  await branch(name, 'short-lived');
  await page.goto(at(name, 'short-lived'));
  const destroy = page.getByRole('button', { name: 'Delete branch' }).last();
  const typed = page.getByLabel(/type/i).last();
  await typed.fill(`${name}/next`);
  assert.equal(await destroy.isDisabled(), true, 'another path does not do');
  await typed.fill(`${name}/short-lived`);
  await destroy.click();
  await page.waitForURL(`**${at(name)}*`);
  assert.equal((await api('GET', `/databases/${name}/branches/short-lived`)).status, 404);
});

visit('a page that loads itself again leaves the focus where it was', { as: admin }, async (page) => {
  await database('shop');
  const name = fresh('seen');
  await branch('shop', name);
  await page.goto(at('shop', name));
  const link = page.getByRole('link', { name: 'Console', exact: true });
  await link.focus();
  await page.evaluate(() => (globalThis.before = true));
  await must('PATCH', `/databases/shop/branches/${name}`, { deletion_protected: true });
  await page.waitForFunction(() => !globalThis.before && document.readyState === 'complete');
  assert.equal(await link.evaluate((element) => element === document.activeElement), true);
});

visit('a name that is taken is said beside its field, and what was typed is kept', { as: admin }, async (page) => {
  await database('shop');
  await page.goto(at('new'));
  await page.getByLabel('Name').fill('shop');
  await page.getByRole('button', { name: 'Create database' }).click();
  const field = page.getByLabel('Name');
  await page.locator('[aria-invalid=true]').first().waitFor();
  assert.equal(await field.inputValue(), 'shop');
  const error = await field.evaluate((input) =>
    input.getAttribute('aria-describedby').split(' ').map((id) => document.getElementById(id).textContent).join(' '),
  );
  assert.match(error, /exists|taken/i);
  await axe(page);
});

visit('another tab sees a branch come and go', { as: admin }, async (page, { context }) => {
  const name = fresh('db');
  await database(name);
  const other = await context.newPage();
  await other.goto(at(name));
  await branch(name, 'here');
  await other.getByRole('link', { name: 'here', exact: true }).waitFor({ timeout: 30_000 });
  const followed = page.waitForResponse((response) => response.url().includes('/events'));
  await page.goto(at(name, 'here'));
  assert.equal((await followed).status(), 200);
  await must('DELETE', `/databases/${name}/branches/here`);
  await page.locator('#gone').waitFor({ timeout: 30_000 });
});

visit('what is being typed is not lost when the branch changes', { as: admin }, async (page) => {
  const name = fresh('db');
  await database(name);
  await branch(name, 'here');
  const followed = page.waitForResponse((response) => response.url().includes('/events'));
  await page.goto(at(name, 'here'));
  await followed;
  await page.getByLabel('New name').fill('half-typ');
  await must('POST', `/databases/${name}/branches/here/promote`);
  await page.getByRole('button', { name: 'Show what is new' }).waitFor();
  assert.equal(await page.getByLabel('New name').inputValue(), 'half-typ');
  await page.getByRole('button', { name: 'Show what is new' }).click();
  await page.getByText('Demote to development').first().waitFor();
});

visit('a page that asks how it goes on after its branch is gone is told', { as: admin, expects: [/404/] }, async (page) => {
  const name = fresh('db');
  await database(name);
  await branch(name, 'here');
  // It asks, and is not heard before the branch is gone.
  let letOn;
  const late = new Promise((resolve) => { letOn = resolve; });
  await page.route('**/events*', async (route) => {
    await late;
    await route.continue();
  });
  await page.goto(at(name, 'here'));
  await must('DELETE', `/databases/${name}/branches/here`);
  letOn();
  await page.locator('#gone').waitFor({ timeout: 30_000 });
});

visit('without script', { script: false, as: null }, async (page) => {
  const name = fresh('plain');
  await logIn(page);
  await page.goto(at('new'));
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Create database' }).click();
  assert.equal(path(page), at(name));
  await until('it is ready', async () => (await api('GET', `/databases/${name}`)).json?.ready === true);
  await page.goto(at(name));
  await press(page, 'New branch').click();
  await page.getByLabel('Name').fill('dev');
  await page.getByRole('button', { name: 'Create branch' }).click();
  await until('there is the branch', async () => (await api('GET', `/databases/${name}/branches/dev`)).status === 200);
});

visit('by the keyboard alone', { as: admin }, async (page) => {
  await database('shop');
  const name = fresh('keys');
  await page.goto(at('shop'));
  await use(page, press(page, 'New branch'));
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  const field = dialog.getByLabel('Name');
  if (!(await field.evaluate((element) => element === document.activeElement))) await tabTo(page, field);
  await page.keyboard.type(name);
  await page.keyboard.press('Enter');
  await page.waitForURL(`**${at('shop', name)}*`);
});

visit('Escape closes a dialog, and the focus is where it was', { as: admin }, async (page) => {
  await database('shop');
  await page.goto(at('shop'));
  const opener = press(page, 'New branch');
  await use(page, opener);
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  assert.equal(await opener.evaluate((element) => element === document.activeElement), true);
});
