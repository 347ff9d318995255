// Connecting to a branch: from its page to its rows, with the lines that are copied there.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { axe, noOverflow } from '../lib/checks.mjs';
import { UNKIND } from '../lib/furnish.mjs';
import { typeInto, use } from '../lib/keyboard.mjs';
import { admin, open, visit } from '../lib/visit.mjs';
import { at, branch, database, fresh, must, until } from '../lib/world.mjs';

// Longest time of a client's command, in milliseconds.
const CLIENT_MS = 30_000;

async function shop() {
  await database('shop');
  const name = fresh('dev');
  await branch('shop', name);
  return name;
}

// What a shell prints of a line, in a folder with the file of the authority.
async function shell(folder, line) {
  const done = await promisify(execFile)('sh', ['-c', line], { cwd: folder, timeout: CLIENT_MS });
  return done.stdout;
}

// A folder with the file that the page offers.
async function authority(page) {
  const folder = await mkdtemp(join(tmpdir(), 'bough-connect-'));
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download bough-ca.pem' }).click(),
  ]);
  assert.equal(download.suggestedFilename(), 'bough-ca.pem');
  await download.saveAs(join(folder, 'bough-ca.pem'));
  return folder;
}

async function copied(page, snippet) {
  const part = page.locator('details', { has: page.locator(`#snippet-${snippet}`) });
  if (!(await part.evaluate((each) => each.open))) await part.locator('summary').click();
  await part.getByRole('button', { name: /^Copy/ }).click();
  return page.evaluate(() => navigator.clipboard.readText());
}

visit('the line that is copied opens the branch, and deleting the password ends that', { as: admin }, async (page) => {
  const dev = await shop();
  await page.goto(at('shop', dev));
  await page.getByRole('link', { name: 'Connect', exact: true }).click();
  await page.getByLabel('Name').fill('by hand');
  await page.getByRole('button', { name: 'Create password' }).click();
  await page.getByRole('heading', { level: 1, name: 'Password made' }).waitFor();
  await axe(page);
  const folder = await authority(page);
  const line = await copied(page, 'mariadb');
  const told = await shell(folder, `${line} -N -e 'CREATE TABLE seen (id INT); INSERT INTO seen VALUES (41 + 1); SELECT id FROM seen'`);
  assert.equal(told.trim(), '42');
  // The lines of the environment say the same.
  const environment = await copied(page, 'env');
  await writeFile(join(folder, '.env'), environment);
  const read = await shell(folder, `. ./.env; mariadb --host="$DATABASE_HOST" --port="$DATABASE_PORT" --user="$DATABASE_USERNAME" --password="$DATABASE_PASSWORD" --ssl-ca="$DATABASE_SSL_CA" --ssl-verify-server-cert -N -e 'SELECT id FROM seen' "$DATABASE_NAME"`);
  assert.equal(read.trim(), '42');
  await copied(page, 'mysql');
  await page.locator('[data-copy-secret]').click();
  await page.getByRole('link', { name: 'Done' }).click();
  await page.getByRole('link', { name: 'by hand' }).click();
  await until('its use is told', async () => {
    await page.reload();
    return (await page.locator('dt:text-is("Last used") + dd').innerText()) !== 'never';
  });
  const remove = page.getByRole('button', { name: 'Delete password' });
  assert.equal(await remove.isDisabled(), true, 'until its name is typed');
  await page.getByLabel(/to confirm$/).fill('by hand');
  await remove.click();
  await page.getByText('it opens nothing any more').waitFor();
  await assert.rejects(shell(folder, `${line} -e 'SELECT 1'`), /Access denied/);
});

visit('a password that only reads, by the keyboard alone', { as: admin }, async (page) => {
  const dev = await shop();
  await page.goto(at('shop', dev, 'connect'));
  await typeInto(page, page.getByLabel('Name'), 'reports');
  const reader = page.getByLabel('Read only');
  // Of several dots the chosen one takes the focus; arrows choose.
  await page.keyboard.press('Tab');
  for (let presses = 0; presses < 4 && !(await reader.isChecked()); presses += 1) await page.keyboard.press('ArrowDown');
  assert.equal(await reader.isChecked(), true);
  await use(page, page.getByRole('button', { name: 'Create password' }));
  await page.getByRole('heading', { level: 1, name: 'Password made' }).waitFor();
  const folder = await authority(page);
  const line = await copied(page, 'mariadb');
  await assert.rejects(shell(folder, `${line} -e 'CREATE TABLE t (id INT)'`), /denied/);
});

visit('what was wrong with a form far down the page takes the focus, on a narrow screen too', { as: admin, width: 380 }, async (page) => {
  const dev = await shop();
  const { id } = await must('POST', `/databases/shop/branches/${dev}/passwords`, { name: 'narrow' });
  await page.goto(at('shop', dev, 'passwords', id));
  await page.getByLabel('May come from').fill('nowhere');
  await page.getByRole('button', { name: 'Save name and addresses' }).click();
  await page.getByText('"nowhere" is not an address range').waitFor();
  const seen = await page.locator('#cidrs').evaluate((field) => {
    const { top, bottom } = field.getBoundingClientRect();
    return field === document.activeElement && top >= 0 && bottom <= innerHeight;
  });
  assert.equal(seen, true, 'nothing above the form says that it was refused');
});

visit('who is connected is listed, and ended by a button', { as: admin }, async (page) => {
  const dev = await shop();
  await page.goto(at('shop', dev, 'connect'));
  await page.getByRole('button', { name: 'Create password' }).click();
  await page.getByRole('heading', { level: 1, name: 'Password made' }).waitFor();
  const folder = await authority(page);
  const line = await copied(page, 'mariadb');
  await page.locator('[data-copy-secret]').click();
  const connected = shell(folder, `${line} -e "SELECT SLEEP(60), '<b>busy</b>'"`).then(() => 'ended well', (error) => error.message);
  await page.goto(at('shop', dev, 'connections'));
  const row = page.locator('main tbody tr').filter({ hasText: '<b>busy</b>' });
  await until('it is listed', async () => {
    await page.reload();
    return (await row.count()) === 1;
  });
  assert.equal(await row.locator('[data-label="From"]').innerText(), '127.0.0.1');
  const [password] = (await must('GET', `/databases/shop/branches/${dev}/passwords`)).data;
  const link = row.locator('[data-label="Password"] a');
  assert.equal(await link.innerText(), password.name);
  assert.equal(await link.getAttribute('href'), at('shop', dev, 'passwords', password.id));
  await axe(page);
  await noOverflow(page);
  await row.getByRole('button', { name: /^Kill/ }).click();
  await page.getByText(/^Connection \d+ is ended\.$/).waitFor();
  assert.match(await connected, /Lost connection|gone away|killed/i);
  assert.equal(await row.count(), 0);
});

// A browser does not send a form again by going back.
const NOT_SENT_AGAIN = [/ERR_CACHE_MISS/];

visit('the secret is asked about before it is left, and going back does not show it', { as: admin, expects: NOT_SENT_AGAIN }, async (page) => {
  const dev = await shop();
  await page.goto(at('shop', dev, 'connect'));
  await page.getByRole('button', { name: 'Create password' }).click();
  await page.getByRole('heading', { level: 1, name: 'Password made' }).waitFor();
  const secret = await page.locator('#password').innerText();
  assert.match(secret, /^pscale_pw_/);
  const asked = new Promise((heard) => page.once('dialog', (dialog) => heard(dialog.type())));
  await page.locator('header').getByRole('link', { name: 'Databases' }).click();
  assert.equal(await asked, 'beforeunload');
  await page.waitForURL(`**${at()}`);
  // Or it says that it would have to send it again.
  await page.goBack().catch((error) => assert.match(error.message, NOT_SENT_AGAIN[0]));
  // The page may be on its way still, and then has no content to look at.
  let shown = null;
  await until('a page to look at', async () => {
    shown = await page.content().catch(() => null);
    return shown !== null;
  });
  assert.equal(shown.includes(secret), false);
});

visit('whatever it is called, it is shown as it is', { as: admin }, async (page) => {
  const dev = await shop();
  await must('POST', `/databases/shop/branches/${dev}/passwords`, { name: UNKIND });
  await page.goto(at('shop', dev, 'passwords'));
  await noOverflow(page);
  await axe(page);
  await page.locator('main tbody a').first().click();
  await page.getByLabel('May come from').fill('not an address');
  await page.getByRole('button', { name: 'Save name and addresses' }).click();
  await page.locator('#cidrs-error').waitFor();
  assert.equal(await page.getByLabel('May come from').inputValue(), 'not an address');
  await axe(page);
});

visit('it works without script', { as: admin, script: false }, async (page) => {
  const dev = await shop();
  await page.goto(at('shop', 'connect'));
  await page.getByLabel('Connect to').selectOption(dev);
  await page.getByRole('button', { name: 'Change' }).click();
  await page.waitForURL(`**${at('shop', dev, 'connect')}`);
  await page.getByRole('button', { name: 'Create password' }).click();
  await page.getByRole('heading', { level: 1, name: 'Password made' }).waitFor();
  const line = await page.locator('#snippet-mariadb').innerText();
  const other = await open({ as: admin });
  await other.page.goto(at('shop', dev, 'passwords'));
  assert.equal(await other.page.locator('main tbody tr').count(), 1);
  await other.context.close();
  assert.match(line, /^mariadb --host/);
});
