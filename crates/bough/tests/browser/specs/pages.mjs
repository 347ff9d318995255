// Every page in both themes, narrow and wide: complete, nothing stands out of the window, nothing serious for
// axe-core. With BOUGH_SCREENSHOTS a picture of each, in two widths more.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { axe, noOverflow } from '../lib/checks.mjs';
import { furnished } from '../lib/furnish.mjs';
import { THEMES, WIDTHS, visit } from '../lib/visit.mjs';
import { world } from '../lib/world.mjs';
import { PAGES } from '../pages.mjs';

// The narrowest that pages are made for, and an ordinary one.
const TRIED = [380, 1280];

const wanted = PAGES.filter(({ name }) => name.includes(world.pages));

function address({ route, with: values = {}, query = '' }, made) {
  const known = { organization: world.organization, ...(typeof values === 'function' ? values(made) : values) };
  const path = route.replace(/\{(\w+)\}/g, (_, name) => {
    assert.ok(known[name], `${name} of ${route} is given`);
    return encodeURIComponent(known[name]);
  });
  return path + query;
}

for (const each of wanted) {
  const { name, as = null, prepare } = each;
  for (const theme of THEMES) {
    for (const width of world.screenshots ? WIDTHS : TRIED) {
      visit(`${name} at ${width}, ${theme}`, { as, theme, width }, async (page) => {
        const answer = await page.goto(address(each, await furnished()));
        const found = name === 'not-found' ? 404 : 200;
        assert.equal(answer.status(), found);
        await prepare?.(page);
        if (world.screenshots) {
          await mkdir(world.screenshots, { recursive: true });
          await page.screenshot({ path: join(world.screenshots, `${name}-${width}-${theme}.png`), fullPage: true });
        }
        await noOverflow(page);
        if (TRIED.includes(width)) await axe(page);
      });
    }
  }
}
