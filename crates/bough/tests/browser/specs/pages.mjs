// Every page, narrow in dark and ordinary in light: complete, nothing stands out of the window, nothing serious for
// axe-core, no link to nowhere. With BOUGH_SCREENSHOTS in each width and theme, and a picture of each.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { axe, linksLead, noOverflow } from '../lib/checks.mjs';
import { furnished } from '../lib/furnish.mjs';
import { THEMES, WIDTHS, dress, visit } from '../lib/visit.mjs';
import { world } from '../lib/world.mjs';
import { PAGES } from '../pages.mjs';

// The narrowest that pages are made for, and an ordinary one; each theme once. With pictures, all of them in each.
const TRIED = [
  { theme: 'dark', width: 380 },
  { theme: 'light', width: 1280 },
];
const ALL = THEMES.flatMap((theme) => WIDTHS.map((width) => ({ theme, width })));

const wanted = PAGES.filter(({ name }) => name.includes(world.pages));

function address({ route, with: values = {}, query = '' }, made) {
  const known = { organization: world.organization, ...(typeof values === 'function' ? values(made) : values) };
  const path = route.replace(/\{(\w+)\}/g, (_, name) => {
    assert.ok(known[name], `${name} of ${route} is given`);
    return encodeURIComponent(known[name]);
  });
  return path + query;
}

// A page is opened once, and then put into each theme and width: it would be the same page again.
for (const each of wanted) {
  const { name, as = null, prepare } = each;
  visit(name, { as }, async (page) => {
    const answer = await page.goto(address(each, await furnished()));
    assert.equal(answer.status(), name === 'not-found' ? 404 : 200);
    await prepare?.(page);
    const found = [];
    for (const { theme, width } of world.screenshots ? ALL : TRIED) {
      await dress(page, { theme, width });
      if (world.screenshots) {
        await mkdir(world.screenshots, { recursive: true });
        await page.screenshot({ path: join(world.screenshots, `${name}-${width}-${theme}.png`), fullPage: true });
      }
      for (const check of [noOverflow, axe]) {
        await check(page).catch((error) => found.push(`at ${width}, ${theme}: ${error.message}`));
      }
    }
    // Last: what is looked at may change, a branch that sleeps wakes.
    await linksLead(page, as).catch((error) => found.push(error.message));
    assert.equal(found.length, 0, found.join('\n'));
  });
}
