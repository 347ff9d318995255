// What an application does with mysql2, through the gateway and past it: ends with 0 when both are alike.
// Arguments: port, user, password, file of the authority, socket and user and password of the server itself.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import mysql from "mysql2/promise";

const [port, user, password, authority, socketPath, account, secret] = process.argv.slice(2);

const through = (more = {}) =>
  mysql.createConnection({
    host: "localhost", port: Number(port), user, password, database: "shop",
    ssl: { ca: readFileSync(authority) }, supportBigNumbers: true, bigNumberStrings: true, ...more,
  });
const past = (more = {}) =>
  mysql.createConnection({
    socketPath, user: account, password: secret, database: "shop", supportBigNumbers: true, bigNumberStrings: true, ...more,
  });

const values = [
  -1, "9223372036854775807", 1.5, "1.20", "ünïcødé 🦀", Buffer.from([0, 255, 254]), "2026-02-28 01:02:03.000004",
  "-838:59:59", '{"a":[1,null]}', "x".repeat(17 << 20),
];
const table = `CREATE TABLE mysql2_t (a INT, b BIGINT, c DOUBLE, d DECIMAL(10,2), e VARCHAR(99), f BLOB, g DATETIME(6),
  h TIME, i JSON, j LONGTEXT)`;

const errno = (work) => work.then(() => assert.fail("an error is expected"), (error) => error.errno);
// What is told of a column, less what is the driver's own.
const columns = (fields) => fields.map(({ name, columnType, characterSet, flags, columnLength }) =>
  ({ name, columnType, characterSet, flags, columnLength }));

async function application(connect) {
  const seen = [];
  const connection = await connect();
  await connection.query("DROP TABLE IF EXISTS mysql2_t");
  await connection.query(table);
  await connection.execute(`INSERT INTO mysql2_t VALUES (${values.map(() => "?").join()})`, values);
  for (const ask of ["query", "execute"]) {
    const [rows, fields] = await connection[ask]("SELECT * FROM mysql2_t");
    seen.push(rows, columns(fields));
  }
  await connection.beginTransaction();
  seen.push((await connection.query("INSERT INTO mysql2_t (a) VALUES (1), (2)"))[0].affectedRows);
  await connection.rollback();
  seen.push((await connection.query("SELECT COUNT(*) AS n FROM mysql2_t"))[0]);
  await connection.query("DROP PROCEDURE IF EXISTS mysql2_p");
  await connection.query("CREATE PROCEDURE mysql2_p(IN x INT) BEGIN SELECT x; SELECT a FROM mysql2_t; END");
  for (const ask of ["query", "execute"]) {
    const [results] = await connection[ask]("CALL mysql2_p(?)", [7]);
    seen.push(results.slice(0, 2));
  }
  seen.push(await errno(connection.query("SELECT nothing")), await errno(connection.query("SELECT 1; SELECT 2")));
  await connection.ping();
  let bytes = 0;
  for await (const row of connection.connection.query("SELECT REPEAT('y', 100) AS y FROM seq_1_to_20000").stream()) {
    bytes += row.y.length;
  }
  seen.push(bytes);
  await connection.query("SET @x = 7");
  await connection.changeUser({ database: "shop" });
  seen.push((await connection.query("SELECT @x AS x, DATABASE() AS d"))[0]);
  await connection.end();

  const several = await connect({ multipleStatements: true });
  seen.push((await several.query("SELECT 1 AS a; SELECT 2 AS b"))[0]);
  await several.end();
  // The gateway does not offer it: the driver goes on without.
  const compressed = await connect({ compress: true });
  seen.push((await compressed.query("SELECT 1 AS a"))[0]);
  await compressed.end();
  return seen;
}

assert.deepEqual(await application(through), await application(past));

// Cancelling from another connection, by the number of the greeting.
const connection = await through();
const other = await through();
assert.ok(connection.threadId >= 2 ** 31);
let running = true;
const failed = errno(connection.query("SELECT SLEEP(1000) FROM seq_1_to_9")).finally(() => (running = false));
while (running) {
  // Before it is running there is nothing to be ended.
  await other.query(`KILL QUERY ${connection.threadId}`);
  await new Promise((resolve) => setTimeout(resolve, 20));
}
// Ended while it opens the sequence, it fails with what that says.
assert.ok([1317, 1939].includes(await failed), `error ${await failed}`);
await connection.query("SELECT 1");
await connection.end();
await other.end();
assert.equal(await errno(through({ password: "wrong" })), 1045);
console.log("ok");
