// Every page that there is, and how to get there. What is tried on each stands in specs/pages.mjs; `make
// screenshots` takes a picture of each.
//
// name: of the picture. path: where it is, from what `furnished` (lib/furnish.mjs) has made. as: who looks,
// nobody unless given. prepare: what is done on it first.

import { admin, fillIn } from './lib/visit.mjs';

export const PAGES = [
  { name: 'login', path: () => '/login' },
  {
    name: 'login-refused',
    path: () => '/login',
    prepare: async (page) => {
      await fillIn(page, { ...admin, password: 'wrong' });
      await page.getByRole('alert').waitFor();
    },
  },
  { name: 'not-found', path: () => '/nothing/of/that/name', as: admin },
];
