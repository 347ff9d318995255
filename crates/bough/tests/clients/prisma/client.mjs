// An application of Prisma: the tables of its models are made, and its client used, by way of its driver adapter. Where to connect
// stands in the environment (see main.rs). Ends with 0 and "ok" when all is as it should be.
//
// Prisma's own migrations are run by a program that its package downloads, and that is not to be had everywhere:
// migration.sql is written by hand in the form that `prisma migrate` gives such models, and run statement by statement.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { PrismaMariaDb } from '@prisma/adapter-mariadb';
import { PrismaClient, Prisma } from '@prisma/client';

const env = process.env;
const adapter = new PrismaMariaDb({
  host: env.BOUGH_HOST,
  port: Number(env.BOUGH_PORT),
  user: env.BOUGH_USER,
  password: env.BOUGH_PASSWORD,
  database: env.BOUGH_DATABASE,
  ssl: { ca: readFileSync(env.BOUGH_CA) },
  connectionLimit: 3,
});
const prisma = new PrismaClient({ adapter });

for (const statement of readFileSync(new URL('migration.sql', import.meta.url), 'utf8').split(';\n')) {
  if (statement.trim()) await prisma.$executeRawUnsafe(statement);
}

const ada = await prisma.author.create({ data: { name: 'Ada 🦀' } });
const book = await prisma.book.create({
  data: {
    title: 'ünïcødé',
    price: '9.99',
    data: { a: [1, { b: null }] },
    cover: Buffer.from([0, 255]),
    sold: 2n ** 62n,
    authors: { create: [{ name: 'Ben', bossId: ada.id }], connect: [{ id: ada.id }] },
  },
});
const read = await prisma.book.findFirstOrThrow({
  where: { title: { startsWith: 'ünï' } },
  include: { authors: { include: { boss: true }, orderBy: { name: 'asc' } } },
});
assert.equal(read.id, book.id);
assert.deepEqual([read.price.toString(), read.data, [...read.cover], read.sold, read.kind], ['9.99', { a: [1, { b: null }] }, [0, 255], 2n ** 62n, 'PAPER']);
assert.deepEqual(read.authors.map((author) => [author.name, author.boss?.name]), [['Ada 🦀', undefined], ['Ben', 'Ada 🦀']]);
assert.ok(Math.abs(read.made - new Date()) < 86_400_000);

await assert.rejects(prisma.author.create({ data: { name: 'Ben' } }), (error) => error.code === 'P2002');
await assert.rejects(
  prisma.$transaction(async (within) => {
    await within.author.create({ data: { name: 'gone' } });
    throw new Error('taken back');
  }),
  /taken back/,
);
assert.equal(await prisma.author.count(), 2);
await prisma.$transaction([
  prisma.author.createMany({ data: Array.from({ length: 500 }, (_, number) => ({ name: `author ${number}` })) }),
  prisma.book.updateMany({ data: { kind: 'SCREEN', price: { increment: 1 } } }),
]);
assert.equal(await prisma.author.count({ where: { name: { contains: 'author 4' } } }), 111);
const grouped = await prisma.book.groupBy({ by: ['kind'], _sum: { price: true } });
assert.deepEqual(grouped.map((row) => [row.kind, row._sum.price.toString()]), [['SCREEN', '10.99']]);
const [row] = await prisma.$queryRaw`SELECT ${41} + 1 AS answer, ${'ü🦀'} AS text`;
assert.deepEqual([Number(row.answer), row.text], [42, 'ü🦀']);
const before = await prisma.author.upsert({ where: { name: 'Ben' }, create: { name: 'Ben' }, update: { name: 'Benjamin' } });
assert.equal(before.name, 'Benjamin');
await Promise.all(Array.from({ length: 20 }, () => prisma.$queryRaw(Prisma.sql`SELECT SLEEP(0.01)`)));
await prisma.author.delete({ where: { id: ada.id } });
assert.equal((await prisma.author.findUniqueOrThrow({ where: { name: 'Benjamin' } })).bossId, null);
await prisma.$disconnect();
console.log('ok');
