// The flow that all of this is for: a token is made in the browser, and curl makes a branch with it.

import assert from 'node:assert/strict';
import { axe, noOverflow } from '../lib/checks.mjs';
import { tabTo, tick, typeInto, use } from '../lib/keyboard.mjs';
import { TOKENS, box, copied, curl, openDatabase, pasted, press } from '../lib/tokens.mjs';
import { THEMES, admin, logIn, visit } from '../lib/visit.mjs';
import { at, database, fresh, until, world } from '../lib/world.mjs';

for (const width of [380, 1280]) {
  for (const theme of THEMES) {
    visit(`from login to a branch, at ${width}, ${theme}`, { width, theme }, async (page) => {
      await database('shop');
      const check = async () => {
        await noOverflow(page);
        await axe(page);
      };
      await logIn(page);
      await page.getByRole('link', { name: 'Settings', exact: true }).first().click();
      await page.getByRole('link', { name: 'Service tokens', exact: true }).first().click();
      await check();

      const name = fresh('ci');
      await press(page, 'New service token').click();
      const dialog = page.getByRole('dialog');
      assert.equal(await dialog.getByRole('heading').first().textContent(), 'New service token');
      await check();
      await dialog.getByLabel('Name').fill(name);
      await dialog.getByRole('button', { name: 'Create service token' }).click();
      const edit = dialog.getByRole('link', { name: 'Edit token permissions' });
      await edit.waitFor();
      await check();
      const made = { id: await copied(page, 'ID'), secret: await copied(page, 'Token') };
      assert.match(made.id, /^[a-z0-9]{12}$/);
      assert.match(made.secret, /^pscale_tkn_/);
      assert.match(await dialog.textContent(), /cannot be shown again/, 'a warning');
      const lines = `${await copied(page, 'For a shell')}\n${await copied(page, 'Try it')}`;
      assert.match(await pasted(lines), new RegExp(world.organization), 'the lines can be pasted as they are');

      await edit.click();
      await page.getByRole('button', { name: 'Save permissions' }).last().waitFor();
      assert.equal((await page.content()).includes(made.secret), false, 'the token is not shown again');
      await box(page, 'Organization access', 'read_organization').check();
      await openDatabase(page, 'shop');
      for (const access of ['create_branch', 'read_branch']) await box(page, 'shop', access).check();
      await check();
      await page.getByRole('button', { name: 'Save permissions' }).last().click();
      await page.getByText(/saved/i).first().waitFor();

      const branch = await curl('POST', '/databases/shop/branches', made, { name });
      assert.equal(branch.status, 201, JSON.stringify(branch.json));
      const refused = await curl('DELETE', `/databases/shop/branches/${name}`, made);
      assert.equal(refused.status, 403, JSON.stringify(refused.json));

      // Refused, seen, granted by one click, and let through.
      await until('the refusal is shown', async () => {
        await page.goto(`${TOKENS}/${made.id}`);
        return page.getByRole('button', { name: /^Grant this access/ }).count();
      });
      await check();
      await page.getByRole('button', { name: /^Grant this access/ }).first().click();
      await page.waitForLoadState();
      const allowed = await curl('DELETE', `/databases/shop/branches/${name}`, made);
      assert.equal(allowed.status, 204, JSON.stringify(allowed.json));
    });
  }
}

visit('by the keyboard alone', async (page) => {
  await database('shop');
  await page.goto('/login');
  await typeInto(page, page.getByLabel('E-mail'), admin.email);
  await typeInto(page, page.getByLabel('Password'), admin.password);
  await use(page, page.getByRole('button', { name: 'Log in' }));
  await page.waitForURL((url) => url.pathname !== '/login');
  await use(page, page.getByRole('link', { name: 'Settings', exact: true }).first());
  await page.waitForURL(`**${at('settings')}**`);
  await use(page, page.getByRole('link', { name: 'Service tokens', exact: true }).first());
  await page.waitForURL(`**${TOKENS}`);
  await use(page, press(page, 'New service token'));
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  const name = fresh('keys');
  // What a dialog is opened for has the focus in it already.
  const field = dialog.getByLabel('Name');
  if (!(await field.evaluate((element) => element === document.activeElement))) await tabTo(page, field);
  await page.keyboard.type(name);
  await page.keyboard.press('Enter');
  const edit = dialog.getByRole('link', { name: 'Edit token permissions' });
  await edit.waitFor();
  const read = async (what) => {
    await use(page, dialog.getByRole('button', { name: `Copy ${what}`, exact: true }));
    return page.evaluate(() => navigator.clipboard.readText());
  };
  const made = { id: await read('ID'), secret: await read('Token') };
  await use(page, edit);
  await page.waitForURL(`**${TOKENS}/${made.id}`);
  await tick(page, box(page, 'Organization access', 'read_organization'));
  await typeInto(page, page.getByLabel('Add database access'), 'shop');
  await use(page, page.getByRole('button', { name: 'Show its accesses' }));
  await page.getByRole('group', { name: 'shop' }).last().waitFor();
  await tick(page, box(page, 'shop', 'create_branch'));
  await use(page, page.getByRole('button', { name: 'Save permissions' }).last());
  await page.getByText(/saved/i).first().waitFor();
  const branch = await curl('POST', '/databases/shop/branches', made, { name });
  assert.equal(branch.status, 201, JSON.stringify(branch.json));
});

visit('without script', { script: false }, async (page) => {
  await database('shop');
  await logIn(page);
  await page.goto(TOKENS);
  await press(page, 'New service token').click();
  await page.getByLabel('Name').fill(fresh('plain'));
  await page.getByRole('button', { name: 'Create service token' }).click();
  const shown = (id) => page.locator(`#${id}`).textContent();
  const made = { id: await shown('token-id'), secret: await shown('token-secret') };
  await page.getByRole('link', { name: 'Edit token permissions' }).click();
  await openDatabase(page, 'shop');
  await box(page, 'shop', 'read_branch').check();
  await page.getByRole('button', { name: 'Save permissions' }).last().click();
  await page.getByText(/saved/i).first().waitFor();
  assert.equal((await curl('GET', '/databases/shop/branches/main', made)).status, 200);
});
