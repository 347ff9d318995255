// Going about by the keyboard alone.

import assert from 'node:assert/strict';

// Presses of Tab after which a thing counts as out of reach.
const PRESSES_MAX = 120;

// What has the focus, in words.
function focused(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (!element || element === document.body) return 'nothing';
    const name = element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent;
    return `${element.tagName.toLowerCase()} "${name.trim().replace(/\s+/g, ' ').slice(0, 40)}"`;
  });
}

// Fails when it cannot be seen where the focus is.
export async function focusShows(page) {
  const problem = await page.evaluate(() => {
    const element = document.activeElement;
    const marked = (each) => {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(each);
      return (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1) || boxShadow !== 'none';
    };
    // A box that is drawn by what stands around it may be marked there.
    if (![element, element.parentElement, element.nextElementSibling].some((each) => each && marked(each))) {
      return 'has the focus and does not show it';
    }
    const { top, bottom, left, right } = element.getBoundingClientRect();
    const outside = bottom <= 0 || right <= 0 || top >= innerHeight || left >= innerWidth;
    if (outside) return 'has the focus and is out of the window';
    // Not below what sticks to the window's edge, either.
    const above = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    const own = above === null || above.contains(element) || element.contains(above) || above.closest('label')?.control === element;
    return own ? null : `has the focus and lies below ${above.tagName.toLowerCase()} "${above.textContent.trim().slice(0, 30)}"`;
  });
  assert.equal(problem, null, `${await focused(page)} ${problem} on ${page.url()}`);
}

// Presses Tab once, and says whether `target` has the focus then.
async function tab(page, target, way) {
  await page.keyboard.press('Tab');
  way.push(await focused(page));
  if (way.at(-1) !== 'nothing') await focusShows(page);
  return target.evaluate((element) => element === document.activeElement);
}

// Presses Tab until `target` has the focus, and looks on the way that it is always seen.
export async function tabTo(page, target) {
  const way = [];
  for (let presses = 0; presses < PRESSES_MAX; presses += 1) {
    try {
      if (await tab(page, target, way)) return;
    } catch (error) {
      // A page that loads itself again meanwhile keeps the focus where it was.
      if (!/Execution context was destroyed/.test(error.message)) throw error;
      await page.waitForLoadState();
    }
  }
  assert.fail(`${target} is not reached by Tab on ${page.url()}; on the way: ${way.join(', ')}`);
}

// Goes to a field and types into it.
export async function typeInto(page, target, text) {
  await tabTo(page, target);
  await page.keyboard.type(text);
}

// Goes to a link or button and uses it.
export async function use(page, target) {
  await tabTo(page, target);
  await page.keyboard.press('Enter');
}

// Goes to a box and ticks it.
export async function tick(page, target) {
  await tabTo(page, target);
  await page.keyboard.press('Space');
  assert.equal(await target.isChecked(), true, `${target} is ticked`);
}
