// The console of a branch: what is run is shown in the page, cancelled there, and remembered by the tab alone.

import assert from 'node:assert/strict';
import { axe, noOverflow } from '../lib/checks.mjs';
import { UNKIND } from '../lib/furnish.mjs';
import { tabTo, typeInto, use } from '../lib/keyboard.mjs';
import { admin, dress, open, visit } from '../lib/visit.mjs';
import { at, branch, database, fresh, operator, until, world } from '../lib/world.mjs';

let made;

// One branch for all: what is tried here does not get into each other's way.
function dev() {
  made ??= (async () => {
    await database('shop');
    const name = fresh('dev');
    await branch('shop', name);
    await operator(['shell', 'shop', name, '--', '-e', "CREATE TABLE product (id INT PRIMARY KEY, name TEXT); INSERT INTO product VALUES (1, 'Lamp'), (2, NULL)"]);
    return name;
  })();
  return made;
}

async function goTo(page) {
  await page.goto(at('shop', await dev(), 'console'));
}

const sql = (page) => page.getByLabel('SQL');
const said = (page) => page.locator('[data-console-said]');
const history = (page) => page.evaluate(() => Object.entries(sessionStorage).filter(([name]) => name.startsWith('bough-console:')));

async function run(page, text) {
  await sql(page).fill(text);
  await page.getByRole('button', { name: 'Run', exact: true }).click();
}

async function says(page, pattern) {
  await until(`it says ${pattern}`, async () => pattern.test(await said(page).innerText()));
}

visit('by the keyboard alone, from the page of the branch to rows', { as: admin }, async (page) => {
  await page.goto(at('shop', await dev()));
  await use(page, page.getByRole('link', { name: 'Console', exact: true }));
  await page.getByRole('heading', { level: 1, name: /^Console of/ }).waitFor();
  await typeInto(page, sql(page), 'SELECT id, name FROM product ORDER BY id');
  await page.keyboard.press('Control+Enter');
  await says(page, /^2 rows, after .*, as read only\.$/);
  const table = page.getByRole('table', { name: '2 rows' });
  assert.deepEqual(await table.locator('tbody tr').allInnerTexts(), ['1\t1\tLamp', '2\t2\tNULL']);
  // One goes on writing where one was.
  assert.equal(await sql(page).evaluate((area) => area === document.activeElement), true);
  assert.equal(await sql(page).inputValue(), 'SELECT id, name FROM product ORDER BY id');
  await tabTo(page, page.getByRole('region', { name: '2 rows' }));
  await axe(page);
});

visit('what is wrong is marked where it is', { as: admin }, async (page) => {
  await goTo(page);
  await run(page, 'SELECT id\nFORM product\nLIMIT 1');
  await page.getByText('Line 2, column 6:').waitFor();
  assert.equal(await page.locator('mark').innerText(), 'product');
  const marked = () => sql(page).evaluate((area) => [area === document.activeElement, area.value.slice(area.selectionStart, area.selectionEnd)]);
  assert.deepEqual(await marked(), [true, 'product']);
  await axe(page);
  // What was wrong before anything was run stands beside the form, and goes with the next run.
  await run(page, ' ; ');
  await page.getByText('Write a statement first.').waitFor();
  await says(page, /^Not run\.$/);
  await run(page, 'DELETE FROM product');
  await page.getByText(/^Error 1142 \(42000\)/).waitFor();
  assert.equal(await page.getByText('Write a statement first.').count(), 0);
});

visit('whatever comes is shown as it is, in pages, within its own box', { as: admin }, async (page) => {
  await goTo(page);
  const quoted = UNKIND.replaceAll("'", "''");
  const wide = Array.from({ length: 6 }, (_, number) => `'${quoted} ${'w'.repeat(60)}' AS c${number}`);
  await run(page, `SELECT seq, ${wide.join(', ')} FROM seq_1_to_5000`);
  await says(page, /^The first 1,000 rows/);
  const [shown, on] = [page.locator('tbody tr:visible'), page.getByRole('button', { name: 'Next' })];
  assert.equal(await shown.count(), 50);
  await on.click();
  await page.getByText('Rows 51–100 of 1,000').waitFor();
  assert.match(await shown.first().innerText(), /^51\t51\t/);
  assert.equal((await shown.first().locator('td').nth(1).innerText()).startsWith(UNKIND), true);
  for (const width of [380, 1280]) {
    await dress(page, { theme: 'dark', width });
    await noOverflow(page);
  }
  await axe(page);
});

visit('what runs is cancelled by a button, and by leaving the page', { as: admin }, async (page) => {
  await goTo(page);
  const cancel = page.getByRole('button', { name: 'Cancel', exact: true });
  await run(page, 'SELECT SLEEP(1000)');
  await cancel.click();
  await page.getByText(/^It was cancelled\./).waitFor();
  await says(page, /^Not done/);
  assert.equal(await cancel.isVisible(), false);
  await run(page, 'SELECT SLEEP(1000)');
  await cancel.waitFor();
  const other = await open({ as: admin });
  const running = other.page.getByRole('heading', { name: 'Running now' });
  const look = (wanted) => until('what runs is told', async () => {
    await other.page.goto(at('shop', await dev(), 'console'));
    return (await running.count()) === wanted;
  });
  await look(1);
  await page.goto(at());
  await look(0);
  await other.context.close();
});

visit('what was run is remembered by this tab, for this session, and nowhere else', { as: admin }, async (page, { context }) => {
  await goTo(page);
  const list = page.locator('[data-console-history]');
  assert.equal(await list.isVisible(), false);
  await page.getByLabel('Run as').selectOption({ label: 'Administrator' });
  await run(page, "SELECT 'first'");
  await says(page, /^1 row, after .*, as administrator\.$/);
  await page.getByLabel('Run as').selectOption({ label: 'Read only' });
  await run(page, "SELECT 'second'");
  await says(page, /as read only\.$/);
  await page.reload();
  await list.locator('summary').click();
  assert.deepEqual(await list.locator('li code').allInnerTexts(), ["SELECT 'second'", "SELECT 'first'"]);
  await axe(page);
  await list.getByRole('button', { name: /first/ }).click();
  assert.equal(await sql(page).inputValue(), "SELECT 'first'");
  assert.equal(await page.getByLabel('Run as').inputValue(), 'admin');
  assert.equal((await history(page)).length, 1);
  // Another tab has its own.
  const other = await context.newPage();
  await goTo(other);
  assert.equal(await other.locator('[data-console-history]').isVisible(), false);
  await other.close();
  await list.getByRole('button', { name: 'Forget all' }).click();
  assert.equal(await list.isVisible(), false);
});

visit('signing out forgets what was run', async (page) => {
  await page.goto('/login');
  await page.locator('input[type=email]').fill(admin.email);
  await page.locator('input[type=password]').fill(admin.password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.waitForURL((url) => url.pathname !== '/login');
  await goTo(page);
  await run(page, "SELECT 'mine'");
  await says(page, /^1 row/);
  assert.equal((await history(page)).length, 1);
  await page.locator('details.account summary').click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL((url) => url.pathname === '/login');
  assert.deepEqual(await history(page), []);
});

visit('it works without script', { as: admin, script: false }, async (page) => {
  await goTo(page);
  await run(page, 'SELECT id, name FROM product ORDER BY id;\nSELECT 42 AS answer');
  await page.getByRole('table', { name: 'Result 2: 1 row' }).waitFor();
  assert.match(await said(page).innerText(), /^2 results/);
  assert.equal(await page.getByRole('table').count(), 2);
  await run(page, 'SELECT 1 FORM product');
  await page.getByText('Line 1, column 15:').waitFor();
  assert.equal(await sql(page).inputValue(), 'SELECT 1 FORM product');
  assert.equal(new URL(page.url()).origin, world.base);
});
