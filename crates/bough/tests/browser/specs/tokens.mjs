// Service tokens on pages: what goes wrong between two tabs, with the back button, twice, and with names that
// nobody would wish for.

import assert from 'node:assert/strict';
import { axe, noOverflow } from '../lib/checks.mjs';
import { HOSTILE, LONG } from '../lib/furnish.mjs';
import { TOKENS, box, makeToken, openDatabase, press } from '../lib/tokens.mjs';
import { admin, visit } from '../lib/visit.mjs';
import { api, database, fresh, must, token, until } from '../lib/world.mjs';

const of = (made) => `${TOKENS}/${made.id}`;
const save = (page) => page.getByRole('button', { name: 'Save permissions' }).last();
const named = async (name) => {
  const { data } = await must('GET', '/service-tokens?per_page=100');
  return data.filter((each) => each.name === name);
};

visit('the secret is not there any more after going back, nor in the history', { as: admin }, async (page) => {
  const made = await makeToken(page, fresh('back'));
  await page.getByRole('link', { name: 'Edit token permissions' }).click();
  await page.waitForURL(`**${of(made)}`);
  await page.goBack();
  await page.waitForLoadState();
  assert.equal((await page.content()).includes(made.secret), false);
  await page.goForward();
  assert.equal((await page.content()).includes(made.secret), false);
});

visit('closing without having copied asks first', { as: admin }, async (page) => {
  await page.goto(TOKENS);
  await press(page, 'New service token').click();
  const dialog = page.getByRole('dialog');
  const name = fresh('unread');
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByRole('button', { name: 'Create service token' }).click();
  await dialog.getByRole('link', { name: 'Edit token permissions' }).waitFor();
  await page.keyboard.press('Escape');
  await dialog.getByRole('button', { name: 'Go back' }).click();
  assert.ok(await dialog.isVisible(), 'it is still there');
  await dialog.getByRole('button', { name: 'Done' }).or(dialog.getByRole('link', { name: 'Done' })).click();
  await dialog.getByRole('button', { name: 'Close without it' }).click();
  // The list is loaded again: what was made stands in it.
  await page.getByRole('link', { name }).first().waitFor();
  assert.equal(await dialog.isVisible(), false);
});

visit('sent twice, one token is made', { as: admin, script: false }, async (page, { context }) => {
  const name = fresh('twice');
  await page.goto(`${TOKENS}/new`);
  // The form as it stands, sent from here a second time: as of somebody who presses twice.
  const fields = await page.locator('form').filter({ has: page.getByLabel('Name') }).locator('input').evaluateAll((inputs) =>
    inputs.map((input) => [input.name, input.value]),
  );
  const form = Object.fromEntries(fields);
  form.name = name;
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Create service token' }).click();
  await page.getByRole('link', { name: 'Edit token permissions' }).waitFor();
  const again = await context.request.post(TOKENS, { form, headers: { origin: new URL(page.url()).origin } });
  assert.ok(again.status() < 500, `${again.status()}`);
  assert.equal((await again.text()).includes('pscale_tkn_'), false, 'and its secret is not shown twice');
  assert.equal((await named(name)).length, 1);
});

visit('somebody else has changed the permissions meanwhile', { as: admin }, async (page, { context }) => {
  await database('shop');
  const made = await token(fresh('both'), [{ database: null, accesses: ['read_organization'] }]);
  const other = await context.newPage();
  await page.goto(of(made));
  await other.goto(of(made));
  await box(other, 'Organization access', 'read_databases').check();
  await save(other).click();
  await other.getByText(/saved/i).first().waitFor();
  await box(page, 'Organization access', 'read_audit_logs').check();
  await save(page).click();
  await page.getByRole('alert').first().waitFor();
  const { data } = await must('GET', `/service-tokens/${made.id}/grants`);
  const held = data.flatMap(({ accesses }) => accesses.map(({ access }) => access)).sort();
  assert.deepEqual(held, ['read_databases', 'read_organization'], 'nothing is written over');
  assert.equal(await box(page, 'Organization access', 'read_audit_logs').isChecked(), true, 'nor lost');
  await axe(page);
});

visit('what the token can do changes as boxes are ticked', { as: admin }, async (page) => {
  await database('shop');
  const made = await token(fresh('preview'));
  await page.goto(of(made));
  const section = page.getByRole('region', { name: 'What this token can do' }).or(page.locator('section:has(#can-title)')).first();
  const before = await section.textContent();
  await box(page, 'Permissions for all databases', 'create_branch').check();
  await until('the preview has changed', async () => (await section.textContent()) !== before);
  // What is granted on all databases is ticked, and locked, on each.
  await openDatabase(page, 'shop');
  const implied = box(page, 'shop', 'create_branch');
  assert.deepEqual([await implied.isChecked(), await implied.isDisabled()], [true, true]);
  const { data } = await must('GET', `/service-tokens/${made.id}/grants`);
  assert.deepEqual(data, [], 'before it is saved');
});

visit('granted but never used', { as: admin }, async (page) => {
  await database('shop');
  const made = await token(fresh('unused'), [{ database: 'shop', accesses: ['delete_branch'] }]);
  await page.goto(of(made));
  await page.getByRole('button', { name: /^Remove.*delete_branch/ }).click();
  await page.waitForLoadState();
  await until('it is revoked', async () => (await must('GET', `/service-tokens/${made.id}/grants`)).data.length === 0);
});

for (const [kind, name] of [['markup and right to left', HOSTILE], ['200 characters', LONG]]) {
  for (const width of [380, 1280]) {
    visit(`a name of ${kind}, at ${width}`, { as: admin, width }, async (page) => {
      const made = await token(name);
      for (const path of [TOKENS, of(made)]) {
        await page.goto(path);
        await noOverflow(page);
        await axe(page);
      }
      assert.ok((await page.getByRole('heading', { level: 1 }).textContent()).includes(name.trim()));
    });
  }
}

visit('a token that is deleted is refused at once', { as: admin }, async (page) => {
  const made = await token(fresh('gone'));
  await page.goto(of(made));
  const destroy = page.getByRole('button', { name: 'Delete service token' }).last();
  await page.getByLabel(/type/i).last().fill(made.id);
  await destroy.click();
  await page.waitForURL(`**${TOKENS}*`);
  assert.equal((await api('GET', '/databases', undefined, made.authorization)).status, 401);
});

visit('a token filters and finds', { as: admin }, async (page) => {
  const name = fresh('needle');
  await token(name);
  await page.goto(TOKENS);
  for (const filter of [/Unused/, /Expires soon/]) {
    await page.getByRole('link', { name: filter }).click();
    await page.waitForLoadState();
    await axe(page);
  }
});

visit('a curve shows requests and refusals', { as: admin }, async (page) => {
  await database('shop');
  const made = await token(fresh('busy'), [{ database: 'shop', accesses: ['read_branch'] }]);
  await api('GET', '/databases/shop/branches/main', undefined, made.authorization);
  await api('POST', '/databases', { name: 'no' }, made.authorization);
  await until('the figures are there', async () => {
    const { total } = await must('GET', `/service-tokens/${made.id}/figures`);
    return total.requests === 2 && total.refusals === 1;
  });
  await page.goto(of(made));
  await page.getByRole('link', { name: 'Charts' }).click();
  const day = page.getByRole('region', { name: 'Last day' });
  await day.getByRole('img', { name: 'Requests and refusals' }).waitFor();
  await day.getByText('Figures of “Requests and refusals”').click();
  assert.ok(await day.getByRole('table', { name: 'Requests and refusals' }).isVisible());
  await axe(page);
});
