// That the checks of lib/ see what they are for: pages made up here, each with one fault. A check that sees
// nothing would make every other file here green for nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axe, noOverflow } from '../lib/checks.mjs';
import { focusShows, tabTo } from '../lib/keyboard.mjs';
import { attempt, open, visit } from '../lib/visit.mjs';
import { world } from '../lib/world.mjs';

const POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'";

// Has a page with this in its body answered as if by Bough.
async function answer(context, body, { head = '', answers = {} } = {}) {
  await context.route('**/made-up/**', (route) => {
    const name = new URL(route.request().url()).pathname.split('/').pop();
    const other = answers[name];
    if (other) return route.fulfill(other);
    return route.fulfill({
      contentType: 'text/html; charset=utf-8',
      headers: { 'content-security-policy': POLICY },
      body: `<!doctype html><html lang="en"><head><title>Made up</title>${head}</head><body><main><h1>Made up</h1>${body}</main></body></html>`,
    });
  });
}

async function madeUp(body, how) {
  const opened = await open();
  await answer(opened.context, body, how);
  await opened.page.goto('/made-up/page');
  return opened;
}

// A fault of the page is noted.
function noted(name, pattern, body, how = {}) {
  test(name, async () => {
    const { context, page, faults } = await madeUp(body, how);
    try {
      for (let looks = 0; looks < 100 && !faults.some((fault) => pattern.test(fault)); looks += 1) {
        await page.waitForTimeout(20);
      }
      assert.ok(faults.some((fault) => pattern.test(fault)), `noted: ${JSON.stringify(faults)}`);
    } finally {
      await context.close();
    }
  });
}

// A check fails on the page, and passes on the one without the fault.
function caught(name, pattern, check, bad, good) {
  test(name, async () => {
    for (const [body, fails] of [[bad, true], [good, false]]) {
      const { context, page, faults } = await madeUp(body, { answers: STYLES, head: '<link rel="stylesheet" href="/made-up/look.css">' });
      try {
        if (fails) await assert.rejects(check(page), pattern);
        else await check(page);
        assert.deepEqual(faults, [], 'and the check itself leaves no trace');
      } finally {
        await context.close();
      }
    }
  });
}

const STYLES = {
  'look.css': {
    contentType: 'text/css',
    body: '.wide { width: 3000px; height: 9px } .box { overflow-x: auto } .pale { color: #ccc } .blind:focus { outline: none } body { background: white }',
  },
};
const SCRIPT = (body) => ({ 'code.js': { contentType: 'text/javascript', body } });
const WITH_SCRIPT = '<script src="/made-up/code.js"></script>';

noted('an inline script', /content security policy: script-src/, '<script>globalThis.here = 1</script>');
noted('an inline style', /content security policy: style-src/, '<p style="color: red">red</p>');
noted('a handler in an attribute', /content security policy: script-src/, '<button onclick="alert(1)">no</button><img src="/made-up/x" alt="">', {
  head: WITH_SCRIPT,
  answers: SCRIPT('addEventListener("load", () => document.querySelector("button").click())'),
});
noted('an exception', /exception: .*on purpose/, '', { head: WITH_SCRIPT, answers: SCRIPT('throw new Error("on purpose")') });
noted('an error in the console', /console: on purpose/, '', { head: WITH_SCRIPT, answers: SCRIPT('console.error("on purpose")') });
noted('a request to somebody else', /a request to somebody else: GET http:\/\/elsewhere\.example/, '', {
  head: WITH_SCRIPT,
  answers: SCRIPT('location = "http://elsewhere.example/"'),
});
noted('an image of somebody else', /content security policy: img-src/, '<img src="http://elsewhere.example/x.png" alt="">');
noted('an asset that is not there', /404 for the stylesheet/, '', {
  head: '<link rel="stylesheet" href="/made-up/gone.css">',
  answers: { 'gone.css': { status: 404, body: '' } },
});
noted('a failure of the server', /500 for the fetch/, '', {
  head: WITH_SCRIPT,
  answers: { ...SCRIPT('fetch("/made-up/broken")'), broken: { status: 500, body: '' } },
});
noted('a box of the browser', /a alert box: on purpose/, '', { head: WITH_SCRIPT, answers: SCRIPT('setTimeout(() => alert("on purpose"))') });

caught('text without contrast', /serious color-contrast/, axe, '<p class="pale">pale</p>', '<p>plain</p>');
caught('a field without a label', /critical label/, axe, '<input type="text">', '<label>Name <input type="text"></label>');
caught('what is wider than the window', /from \d+ to 30\d\d/, noOverflow, '<div class="wide"></div>', '<div class="box"><div class="wide"></div></div>');
const onButton = async (page) => {
  await tabTo(page, page.getByRole('button'));
  await focusShows(page);
};
caught('a focus that does not show', /does not show it/, onButton, '<button class="blind">b</button>', '<button>b</button>');
caught('what the keyboard does not reach', /is not reached by Tab/, onButton, '<button tabindex="-1">b</button>', '<button>b</button>');

test('what is noted fails the test, also when nobody looks, but for what is meant', async () => {
  const go = async (page, { context }) => {
    await answer(context, '<script>globalThis.here = 1</script>');
    await page.goto('/made-up/page');
  };
  await assert.rejects(attempt('on purpose', {}, go), /the page is at fault:[^]*script-src/);
  await attempt('on purpose', { expects: [/script-src/, /Refused to|violates/] }, go);
});

visit('the real thing answers', async (page) => {
  const answer = await page.goto('/');
  assert.equal(answer.status(), 200);
  assert.equal(new URL(page.url()).origin, world.base);
  await axe(page);
  await noOverflow(page);
});
