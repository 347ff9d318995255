// The ways of the pages about service tokens, by the words that stand on them.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { at, world } from './world.mjs';

export const TOKENS = at('settings', 'service-tokens');

// A button, or a link that looks like one.
export function press(page, name) {
  return page.getByRole('button', { name }).or(page.getByRole('link', { name })).first();
}

// The box of an access within a part of the form: 'Organization access', 'Permissions for all databases', or a
// database's name.
export function box(page, part, access) {
  const group = page.getByRole('group', { name: part }).last();
  return group.getByRole('checkbox', { name: new RegExp(`^${access}( |$)`) });
}

// Sees to it that the accesses of a database can be ticked.
export async function openDatabase(page, name) {
  if ((await page.getByRole('group', { name }).count()) > 0) return;
  await page.getByLabel('Add database access').fill(name);
  await page.getByRole('button', { name: 'Show its accesses' }).click();
  await page.getByRole('group', { name }).last().waitFor();
}

// What a copy button has put into the clipboard.
export async function copied(page, name) {
  await page.getByRole('button', { name: `Copy ${name}`, exact: true }).click();
  return page.evaluate(() => navigator.clipboard.readText());
}

// Runs lines in a shell as somebody who pastes them would; answers what they print.
export async function pasted(lines) {
  const { stdout } = await promisify(execFile)('sh', ['-ec', lines], { timeout: 30_000, env: { PATH: process.env.PATH } });
  return stdout;
}

// A request by curl with a token's id and secret, as the documentation has it; answers status and JSON.
export async function curl(method, path, { id, secret }, body) {
  const args = ['-s', '-w', '\n%{http_code}', '-X', method, '-H', `Authorization: ${id}:${secret}`];
  if (body !== undefined) args.push('-H', 'Content-Type: application/json', '-d', JSON.stringify(body));
  args.push(`${world.base}/v1/organizations/${world.organization}${path}`);
  const { stdout } = await promisify(execFile)('curl', args, { timeout: 30_000 });
  const end = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(end + 1)), json: JSON.parse(stdout.slice(0, end) || 'null') };
}

// Makes a token on the page: answers its id and secret as they were shown, and leaves what shows them open.
export async function makeToken(page, name) {
  await page.goto(TOKENS);
  await press(page, 'New service token').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByRole('button', { name: 'Create service token' }).click();
  await dialog.getByRole('link', { name: 'Edit token permissions' }).waitFor();
  return { id: await copied(page, 'ID'), secret: await copied(page, 'Token') };
}
