// A house that looks lived in, for pages to show: made once for all tests of a file, through the API.

import { api, branch, database, must, token, world } from './world.mjs';

// Names as unkind as names may be.
export const HOSTILE = '"><script>alert(1)</script>\u202e مرحبا';
export const LONG = 'w'.repeat(200);

let made;

// Answers the ids of what pages need an id for.
export function furnished() {
  made ??= furnish();
  return made;
}

async function furnish() {
  await Promise.all([database('shop'), database('wiki')]);
  await Promise.all([branch('shop', 'dev'), branch('shop', 'feature-cart')]);
  await branch('shop', 'feature-cart-icons', 'feature-cart');
  const busy = await token('CI on every pull request', [
    { database: null, accesses: ['read_organization'] },
    { database: '*', accesses: ['read_branch'] },
    { database: 'shop', accesses: ['create_branch', 'delete_branch', 'write_backups'] },
  ]);
  const empty = await token(HOSTILE);
  await token(LONG);
  await must('POST', '/service-tokens', { name: 'for a week', ttl: 7 * 24 * 3600 });
  // Some of it allowed, some refused.
  for (const [method, path, body] of [
    ['GET', '/databases/shop/branches', undefined],
    ['GET', '/databases/shop/branches/dev', undefined],
    ['GET', '/databases/wiki/branches/main', undefined],
    ['POST', '/databases/wiki/branches', { name: 'dev' }],
    ['DELETE', '/databases/shop/branches/main', undefined],
    ['POST', '/databases', { name: 'mine' }],
  ]) {
    await api(method, path, body, busy.authorization);
  }
  return { organization: world.organization, busy: busy.id, empty: empty.id };
}
