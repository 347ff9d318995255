// Settings of an organization: general, members and their roles, the audit log.

import assert from 'node:assert/strict';
import { axe, noOverflow } from '../lib/checks.mjs';
import { HOSTILE } from '../lib/furnish.mjs';
import { typeInto, use } from '../lib/keyboard.mjs';
import { admin, logIn, open, visit } from '../lib/visit.mjs';
import { api, at, fresh, must, operator, until, world } from '../lib/world.mjs';

// Somebody who is a member of the organization.
async function person(name, role = 'member') {
  const email = `${fresh('person')}@example.com`;
  await operator(['admin', 'user', 'create', email, '--name', name, '--password-stdin'], world.password);
  await operator(['admin', 'member', 'add', email, '--organization', world.organization, '--role', role]);
  return { email, password: world.password };
}

async function roleOf(email) {
  const { data } = await must('GET', `/members?q=${encodeURIComponent(email)}`);
  return data[0]?.role;
}

for (const script of [true, false]) {
  const how = script ? '' : ', without script';
  visit(`the billing address: what is wrong stands beside it and is kept${how}`, { as: admin, script }, async (page) => {
    await page.goto(at('settings'));
    const field = page.getByLabel('Billing e-mail address');
    // What the browser itself would stop is stopped by the server, too.
    await field.evaluate((input) => { input.form.noValidate = true; });
    await field.fill('nobody');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('#billing_email-error').waitFor();
    assert.equal(await field.inputValue(), 'nobody');
    await field.fill(`${fresh('bills')}@example.com`);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('The billing e-mail address was saved.').waitFor();
    await page.reload();
    assert.equal(await page.getByText('was saved').count(), 0, 'it is said once');
  });
}

visit('a role is changed by the keyboard alone', { as: admin }, async (page) => {
  const ben = await person('Ben Bitdiddle');
  await page.goto(`${at('settings', 'members')}?q=${ben.email}`);
  const role = page.getByLabel('Role of Ben Bitdiddle');
  await role.focus();
  await page.keyboard.press('ArrowUp');
  await use(page, page.getByRole('button', { name: 'Save the role of Ben Bitdiddle' }));
  await page.getByText('Ben Bitdiddle is an analyst now.').waitFor();
  assert.equal(await roleOf(ben.email), 'analyst');
  await axe(page);
});

visit('who is removed is out at once, whatever he is called', { as: admin }, async (page) => {
  const mallory = await person(HOSTILE);
  const his = await open();
  await logIn(his.page, mallory);
  await page.goto(`${at('settings', 'members')}?q=${mallory.email}`);
  await noOverflow(page);
  await page.getByRole('link', { name: /^Remove…/ }).click();
  await axe(page);
  await page.getByLabel('Delete the service tokens that this member has made').check();
  await page.getByRole('button', { name: 'Remove member' }).click();
  await page.getByText('is no member any more').waitFor();
  assert.equal(await roleOf(mallory.email), undefined);
  await his.page.goto(at());
  await his.page.getByRole('heading', { level: 1, name: 'Not found' }).waitFor();
  assert.deepEqual(his.faults, []);
  await his.context.close();
});

visit('the last administrator cannot leave, and is told why', { as: admin }, async (page) => {
  await page.goto(at('settings', 'members'));
  await page.getByRole('link', { name: 'Leave…' }).click();
  await page.getByRole('button', { name: `Leave ${world.organization}` }).click();
  await page.getByRole('alert').getByText('An organization keeps at least one administrator').waitFor();
  assert.equal(await roleOf(world.email), 'admin');
});

visit('the audit log is narrowed, unfolded by the keyboard, and verified', { as: admin }, async (page) => {
  await must('POST', '/service-tokens', { name: HOSTILE });
  await page.goto(at('settings', 'audit-log'));
  await page.getByLabel('Action').selectOption('service_token.created');
  await page.getByRole('button', { name: 'Show' }).click();
  await page.waitForURL(/action=service_token\.created/);
  const entry = page.locator('.entries details').first();
  await use(page, entry.locator('summary'));
  await entry.getByText('Metadata').or(entry.getByText('Done to')).first().waitFor();
  await axe(page);
  await noOverflow(page);
  await page.getByRole('button', { name: 'Verify chain' }).click();
  await page.getByRole('status').filter({ hasText: 'The log is what was written' }).waitFor();
  // Who cannot see is told: the verdict has the focus.
  assert.ok(await page.evaluate(() => document.activeElement.textContent.includes('The log is what was written')));
});

visit('a member sees everything and changes nothing', async (page) => {
  const mel = await person('Mel');
  await logIn(page, mel);
  for (const where of ['', 'members', 'regions', 'service-tokens']) {
    await page.goto(where === '' ? at('settings') : at('settings', where));
    assert.equal(await page.locator('main form[method=post]:not([action$="/service-tokens"])').count(), 0, where);
  }
  await page.goto(at('settings', 'audit-log'));
  await page.getByText('read_audit_logs').waitFor();
});

visit('regions and sizes are there to be read', { as: admin }, async (page) => {
  await page.goto(at('settings', 'regions'));
  const { json } = await api('GET', '/cluster-size-skus');
  for (const { display_name: name } of json) await page.getByText(name, { exact: true }).first().waitFor();
});

visit('search in the members by the keyboard', { as: admin }, async (page) => {
  const ada = await person('Augusta King');
  await page.goto(at('settings', 'members'));
  await typeInto(page, page.getByLabel('Search by name or e-mail address'), 'Augusta');
  await page.keyboard.press('Enter');
  await page.getByText(ada.email).waitFor();
  await until('nobody else is shown', async () => (await page.locator('main tbody tr').count()) === 1);
});
