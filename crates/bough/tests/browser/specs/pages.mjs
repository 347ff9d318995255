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

for (const { name, path, as = null, prepare } of PAGES.filter((page) => page.name.includes(world.pages))) {
  for (const theme of THEMES) {
    for (const width of world.screenshots ? WIDTHS : TRIED) {
      visit(`${name} at ${width}, ${theme}`, { as, theme, width }, async (page) => {
        const answer = await page.goto(path(await furnished()));
        assert.ok(answer.status() < 500, `${answer.status()}`);
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
