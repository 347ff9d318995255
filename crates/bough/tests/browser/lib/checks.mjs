// What holds for every page: nothing serious for axe-core, nothing wider than the window, no link to nowhere.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// Of axe-core's rules, those for WCAG 2.2 AA and what it calls best practice.
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

// Fails for whatever axe-core calls serious or critical. It comes into the page by the debugger, which the
// page's policy does not concern.
export async function axe(page) {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(AXE);
  const { violations } = await page.evaluate(
    (values) => globalThis.axe.run(document, { runOnly: { type: 'tag', values }, resultTypes: ['violations'], preload: false }),
    TAGS,
  );
  const found = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, impact, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${impact} ${id} at ${target.join(' ')}: ${failureSummary.replace(/\s+/g, ' ')}`),
    );
  assert.equal(found.length, 0, `accessibility of ${page.url()}:\n  ${found.join('\n  ')}`);
}

// Fails when something stands out of the window to the side. What scrolls in a box of its own may.
export async function noOverflow(page) {
  const found = await page.evaluate(() => {
    const root = document.documentElement;
    const width = root.clientWidth;
    const inBox = (element) => {
      for (let above = element.parentElement; above && above !== document.body; above = above.parentElement) {
        if (getComputedStyle(above).overflowX !== 'visible') return true;
      }
      return false;
    };
    const hidden = (element) => {
      const { visibility, clipPath } = getComputedStyle(element);
      return visibility === 'hidden' || clipPath !== 'none';
    };
    const found = [];
    if (root.scrollWidth > width) found.push(`the page is ${root.scrollWidth} wide`);
    for (const element of document.body.querySelectorAll('*')) {
      const { left, right, width: own, height } = element.getBoundingClientRect();
      if (own <= 1 || height <= 1 || (left >= -1 && right <= width + 1)) continue;
      if (inBox(element) || hidden(element)) continue;
      const name = [element.tagName.toLowerCase(), element.id && `#${element.id}`, element.className && `.${element.className}`];
      found.push(`${name.filter(Boolean).join('')} from ${Math.round(left)} to ${Math.round(right)}: ${element.textContent.trim().slice(0, 60)}`);
    }
    return found.slice(0, 10).map((what) => `${what} (window ${width})`);
  });
  assert.equal(found.length, 0, `${page.url()} is too wide:\n  ${found.join('\n  ')}`);
}

// What has been followed, by whom: pages share most of their links.
const followed = new Set();

// Fails when a link leads to no page, or to no place on its own page.
export async function linksLead(page, as) {
  const found = await page.evaluate(() =>
    [...document.querySelectorAll('a[href]')].map((link) => {
      const { origin, pathname, search, hash } = new URL(link.href);
      const here = pathname === location.pathname && search === location.search;
      const gone = here && hash !== '' && document.getElementById(decodeURIComponent(hash.slice(1))) === null;
      return { text: link.textContent.trim(), ours: origin === location.origin && !here, path: pathname + search, hash, gone };
    }),
  );
  const wrong = found.filter(({ gone }) => gone).map(({ text, hash }) => `"${text}" leads to ${hash}, which is not on the page`);
  for (const { text, path } of found.filter(({ ours }) => ours)) {
    const who = `${as?.email ?? ''} ${path}`;
    if (followed.has(who)) continue;
    followed.add(who);
    const answer = await page.request.get(path, { headers: { accept: 'text/html' } });
    // Who may not see a page is told there what is missing.
    const said = answer.status() === 403 && as !== null;
    if (!answer.ok() && !said) wrong.push(`"${text}" leads to ${path}, which answers ${answer.status()}`);
  }
  assert.equal(wrong.length, 0, `links of ${page.url()}:\n  ${wrong.join('\n  ')}`);
}
