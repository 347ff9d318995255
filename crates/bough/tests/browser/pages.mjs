// Every page that there is, and how to get there. What is tried on each stands in specs/pages.mjs; `make
// screenshots` takes a picture of each. A page of the dashboard's table without a row here fails a test.
//
// name: of the picture. route: as in crates/dashboard/src/pages.rs. with: what stands for its parameters, from
// what `furnished` (lib/furnish.mjs) has made. query: what follows it. as: who looks, nobody unless given.
// prepare: what is done on the page first.

import { UNKIND, member } from './lib/furnish.mjs';
import { press } from './lib/tokens.mjs';
import { admin, fillIn } from './lib/visit.mjs';
import { until } from './lib/world.mjs';

const shop = { database: 'shop' };
// A branch that is used, and not fit for production.
const draft = { database: 'wiki', branch: 'draft' };
const dev = { database: 'shop', branch: 'dev' };
const TOKENS = '/{organization}/settings/service-tokens';

const dialog = (name) => async (page) => {
  await press(page, name).click();
  await page.getByRole('dialog').waitFor();
};

// What the console is asked, and what it cannot read.
const RESULTS = `SELECT seq AS id, ELT(1 + seq % 3, 'Lamp', 'Garden chair, folding, of untreated larch wood', NULL) AS name,
  seq * 19.99 AS price, UNHEX(MD5(seq)) AS digest, NOW() AS made_at, REPEAT('words and more words ', 40) AS notes,
  '${UNKIND}' AS unkind, seq % 2 AS sold, '' AS nothing, REPEAT('w', 200) AS one_word FROM seq_1_to_5000`;
const WRONG = 'SELECT id, name\nFORM product\nWHERE price < 10';

const statement = (text) => async (page) => {
  await page.getByLabel('SQL').fill(text);
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await page.locator('[data-console-results] :is(table, .notice)').first().waitFor();
};

export const PAGES = [
  { name: 'login', route: '/login' },
  {
    name: 'login-refused',
    route: '/login',
    prepare: async (page) => {
      await fillIn(page, { ...admin, password: 'wrong' });
      await page.getByRole('alert').waitFor();
    },
  },
  { name: 'not-found', route: '/{organization}/{database}', with: { database: 'nothing-here' }, as: admin },
  // It leads on to the first organization.
  { name: 'start', route: '/', as: admin },

  { name: 'overview', route: '/{organization}', as: admin },
  { name: 'overview-of-member', route: '/{organization}', as: member },
  { name: 'database-new', route: '/{organization}/new', as: admin },
  {
    name: 'database-new-refused',
    route: '/{organization}/new',
    as: admin,
    prepare: async (page) => {
      await page.getByLabel('Name').fill('Not A Name');
      await page.getByRole('button', { name: 'Create database' }).click();
      await page.locator('[aria-invalid=true]').first().waitFor();
    },
  },
  { name: 'database', route: '/{organization}/{database}', with: shop, as: admin },
  { name: 'database-branches', route: '/{organization}/{database}/branches', with: shop, as: admin },
  { name: 'database-settings', route: '/{organization}/{database}/settings', with: shop, as: admin },
  { name: 'database-settings-of-member', route: '/{organization}/{database}/settings', with: shop, as: member },
  { name: 'branch-new', route: '/{organization}/{database}/branches/new', with: shop, as: admin },
  { name: 'branch-new-dialog', route: '/{organization}/{database}', with: shop, as: admin, prepare: dialog('New branch') },
  { name: 'branch', route: '/{organization}/{database}/{branch}', with: dev, as: admin },
  { name: 'branch-production', route: '/{organization}/{database}/{branch}', with: { ...shop, branch: 'main' }, as: admin },
  { name: 'branch-of-member', route: '/{organization}/{database}/{branch}', with: { ...shop, branch: 'main' }, as: member },
  { name: 'branch-connections', route: '/{organization}/{database}/{branch}/connections', with: dev, as: admin },
  {
    name: 'branch-connections-busy',
    route: '/{organization}/{database}/{branch}/connections',
    with: draft,
    as: admin,
    prepare: (page) =>
      until('somebody is connected', async () => {
        await page.reload();
        return (await page.getByText('a long report').count()) > 0;
      }),
  },
  { name: 'branch-asleep', route: '/{organization}/{database}/{branch}', with: { database: 'wiki', branch: 'idle' }, as: admin },
  { name: 'branch-lint-found', route: '/{organization}/{database}/{branch}/lint', with: draft, as: admin },
  {
    name: 'branch-refused',
    route: '/{organization}/{database}/{branch}',
    with: draft,
    as: admin,
    prepare: async (page) => {
      await page.getByRole('button', { name: 'Switch on' }).click();
      await page.getByRole('link', { name: 'See what to mend' }).waitFor();
    },
  },
  { name: 'console', route: '/{organization}/{database}/{branch}/console', with: dev, as: admin },
  { name: 'console-off', route: '/{organization}/{database}/{branch}/console', with: { ...shop, branch: 'main' }, as: admin },
  { name: 'console-of-member', route: '/{organization}/{database}/{branch}/console', with: { ...shop, branch: 'main' }, as: member },
  { name: 'console-results', route: '/{organization}/{database}/{branch}/console', with: dev, as: admin, prepare: statement(RESULTS) },
  { name: 'console-error', route: '/{organization}/{database}/{branch}/console', with: dev, as: admin, prepare: statement(WRONG) },
  { name: 'branch-lint', route: '/{organization}/{database}/{branch}/lint', with: dev, as: admin },
  { name: 'branch-promote', route: '/{organization}/{database}/{branch}/promote', with: dev, as: admin },
  { name: 'branch-demote', route: '/{organization}/{database}/{branch}/demote', with: { ...shop, branch: 'main' }, as: admin },

  // It leads on to the default branch.
  { name: 'connect-start', route: '/{organization}/{database}/connect', with: shop, as: admin },
  { name: 'connect', route: '/{organization}/{database}/{branch}/connect', with: dev, as: admin },
  { name: 'connect-of-member', route: '/{organization}/{database}/{branch}/connect', with: { ...shop, branch: 'main' }, as: member },
  {
    name: 'connect-created',
    route: '/{organization}/{database}/{branch}/connect',
    with: dev,
    as: admin,
    prepare: async (page) => {
      await page.getByRole('button', { name: 'Create password' }).click();
      await page.getByRole('heading', { level: 1, name: 'Password made' }).waitFor();
    },
  },
  { name: 'passwords-of-database', route: '/{organization}/{database}/passwords', with: shop, as: admin },
  { name: 'passwords', route: '/{organization}/{database}/{branch}/passwords', with: dev, as: admin },
  { name: 'passwords-none', route: '/{organization}/{database}/{branch}/passwords', with: { ...shop, branch: 'feature-cart' }, as: admin },
  {
    name: 'password',
    route: '/{organization}/{database}/{branch}/passwords/{id}',
    with: ({ password }) => ({ ...dev, id: password }),
    as: admin,
  },

  { name: 'tokens', route: TOKENS, as: admin },
  { name: 'tokens-soon', route: TOKENS, query: '?show=expiring', as: admin },
  { name: 'token-new', route: `${TOKENS}/new`, as: admin },
  { name: 'token-new-dialog', route: TOKENS, as: admin, prepare: dialog('New service token') },
  {
    name: 'token-created',
    route: TOKENS,
    as: admin,
    prepare: async (page) => {
      await dialog('New service token')(page);
      await page.getByRole('dialog').getByLabel('Name').fill('for a picture');
      await page.getByRole('button', { name: 'Create service token' }).click();
      await page.getByRole('link', { name: 'Edit token permissions' }).waitFor();
    },
  },
  { name: 'token', route: `${TOKENS}/{id}`, with: ({ busy }) => ({ id: busy }), as: admin },
  { name: 'token-empty', route: `${TOKENS}/{id}`, with: ({ empty }) => ({ id: empty }), as: admin },
  { name: 'token-of-member', route: `${TOKENS}/{id}`, with: ({ busy }) => ({ id: busy }), as: member },
  { name: 'token-requests', route: `${TOKENS}/{id}/requests`, with: ({ busy }) => ({ id: busy }), as: admin },
  { name: 'token-rotate', route: `${TOKENS}/{id}/rotate`, with: ({ busy }) => ({ id: busy }), as: admin },
  { name: 'palette', route: '/{organization}/palette', query: '?q=shop', as: admin },
  { name: 'settings', route: '/{organization}/settings', as: admin },
  { name: 'settings-of-member', route: '/{organization}/settings', as: member },
  { name: 'regions', route: '/{organization}/settings/regions', as: admin },
  { name: 'members', route: '/{organization}/settings/members', as: admin },
  { name: 'members-of-member', route: '/{organization}/settings/members', as: member },
  { name: 'member', route: '/{organization}/settings/members/{id}', with: ({ ben }) => ({ id: ben }), as: admin },
  { name: 'audit-log', route: '/{organization}/settings/audit-log', as: admin },
  { name: 'account', route: '/account', as: admin },
  { name: 'docs', route: '/docs' },
  { name: 'docs-schema-lint', route: '/docs/schema-lint' },
  { name: 'docs-branches', route: '/docs/branches', as: admin },
  { name: 'docs-passwords', route: '/docs/passwords', as: admin },
  { name: 'docs-connections', route: '/docs/connections', as: admin },
  {
    name: 'docs-try',
    route: '/docs/branches',
    prepare: async (page) => {
      await page.getByRole('button', { name: 'Try it: Create branch' }).click();
      await page.getByLabel('Token id').waitFor();
    },
  },
];
