"""What an application does with mysqlclient or mysql-connector-python. Argument: `mysqlclient` or `mysql-connector`.

Where to connect stands in the environment (see `main.rs`). Ends with 0 and "ok" when all is as it should be.
"""

import datetime
import decimal
import os
import sys
import threading

HOST, PORT = os.environ["BOUGH_HOST"], int(os.environ["BOUGH_PORT"])
USER, PASSWORD = os.environ["BOUGH_USER"], os.environ["BOUGH_PASSWORD"]
DATABASE, AUTHORITY = os.environ["BOUGH_DATABASE"], os.environ["BOUGH_CA"]
READER, READER_PASSWORD = os.environ["BOUGH_READER"], os.environ["BOUGH_READER_PASSWORD"]
LARGE = 63 << 20


class Mysqlclient:
    """The C client library's binding."""

    def __init__(self):
        import MySQLdb
        import MySQLdb.constants
        import MySQLdb.cursors

        self.module, self.errors = MySQLdb, MySQLdb.Error
        self.multi = {"client_flag": MySQLdb.constants.CLIENT.MULTI_STATEMENTS}
        self.streaming = MySQLdb.cursors.SSCursor

    def connect(self, user=USER, password=PASSWORD, **more):
        return self.module.connect(host=HOST, port=PORT, user=user, password=password, database=DATABASE,
                                   charset="utf8mb4", ssl_mode="VERIFY_IDENTITY", ssl={"ca": AUTHORITY}, **more)

    def stream(self, connection):
        return connection.cursor(self.streaming)

    @staticmethod
    def number(connection):
        return connection.thread_id()

    def several(self, cursor, statements):
        cursor.execute(statements)
        results = [cursor.fetchall()]
        while cursor.nextset():
            results.append(cursor.fetchall())
        return results

    @staticmethod
    def call(cursor, name, arguments):
        cursor.callproc(name, arguments)
        results = [cursor.fetchall()]
        while cursor.nextset():
            results.append(cursor.fetchall())
        # The last one is the end of the procedure, without rows.
        return results[:-1]

    @staticmethod
    def prepared(connection):
        """It has none of its own: SQL's."""
        cursor = connection.cursor()
        cursor.execute("PREPARE p FROM 'SELECT ? + 1, ?'")
        cursor.execute("SET @a = 41, @b = 'ü🦀'")
        cursor.execute("EXECUTE p USING @a, @b")
        return cursor.fetchall()


class Connector:
    """Oracle's driver, in pure Python."""

    def __init__(self):
        import mysql.connector

        self.module, self.errors = mysql.connector, mysql.connector.Error
        self.multi = {}

    def connect(self, user=USER, password=PASSWORD, **more):
        return self.module.connect(host=HOST, port=PORT, user=user, password=password, database=DATABASE,
                                   charset="utf8mb4", collation="utf8mb4_general_ci", ssl_ca=AUTHORITY,
                                   ssl_verify_cert=True, ssl_verify_identity=True, use_pure=True, **more)

    @staticmethod
    def stream(connection):
        return connection.cursor(buffered=False)

    @staticmethod
    def number(connection):
        return connection.connection_id

    @staticmethod
    def several(cursor, statements):
        cursor.execute(statements)
        results = []
        while True:
            results.append(tuple(cursor.fetchall()) if cursor.with_rows else ())
            if not cursor.nextset():
                return results

    @staticmethod
    def call(cursor, name, arguments):
        cursor.callproc(name, arguments)
        return [tuple(result.fetchall()) for result in cursor.stored_results()]

    @staticmethod
    def prepared(connection):
        cursor = connection.cursor(prepared=True)
        cursor.execute("SELECT ? + 1, ?", (1, "first"))
        cursor.fetchall()
        # The same statement again: only its values are sent.
        cursor.execute("SELECT ? + 1, ?", (41, "ü🦀"))
        return tuple(cursor.fetchall())


DRIVER = {"mysqlclient": Mysqlclient, "mysql-connector": Connector}[sys.argv[1]]()


def errno(work):
    try:
        work()
    except DRIVER.errors as error:
        return error.args[0]
    raise AssertionError("an error is expected")


VALUES = {
    "a": ("TINYINT", -128), "b": ("BIGINT UNSIGNED", 2**64 - 1), "c": ("DOUBLE", 1.5), "d": ("DECIMAL(30,10)", decimal.Decimal("-1.2345678901")),
    "e": ("VARCHAR(99)", "ünïcødé 🦀"), "f": ("LONGTEXT", "x" * 70_000), "g": ("VARBINARY(9)", b"\x00\xff'\\"),
    "h": ("DATE", datetime.date(2026, 2, 28)), "i": ("DATETIME(6)", datetime.datetime(2026, 2, 28, 1, 2, 3, 4)),
    "j": ("TIME(3)", datetime.timedelta(hours=-12, minutes=-1)), "k": ("YEAR", 1999), "l": ("ENUM('x','y')", "y"),
    "m": ("INT", None), "n": ("TIMESTAMP NULL", datetime.datetime(2001, 2, 3, 4, 5, 6)), "o": ("FLOAT", 0.5),
}


def types(connection):
    cursor = connection.cursor()
    cursor.execute("DROP TABLE IF EXISTS kinds")
    cursor.execute("CREATE TABLE kinds (" + ", ".join(f"{name} {kind}" for name, (kind, _) in VALUES.items()) + ")")
    given = tuple(value for _, value in VALUES.values())
    cursor.execute("INSERT INTO kinds VALUES (" + ", ".join(["%s"] * len(given)) + ")", given)
    connection.commit()
    cursor.execute("SELECT * FROM kinds")
    read = cursor.fetchone()
    for (name, (kind, value)), found in zip(VALUES.items(), read):
        found = bytes(found) if isinstance(value, bytes) else found
        assert found == value, (name, kind, value, found)
    assert [column[0] for column in cursor.description] == list(VALUES)
    cursor.execute("SELECT BIT_COUNT(b'1011'), JSON_VALUE('{\"a\": [1, 2]}', '$.a[1]'), INET6_NTOA(INET6_ATON('::1'))")
    assert [str(value) for value in cursor.fetchone()] == ["3", "2", "::1"]
    cursor.close()


def transactions(connection):
    cursor = connection.cursor()
    cursor.execute("DROP TABLE IF EXISTS counted")
    cursor.execute("CREATE TABLE counted (id INT PRIMARY KEY)")
    cursor.executemany("INSERT INTO counted VALUES (%s)", [(number,) for number in range(1000)])
    assert cursor.rowcount == 1000, cursor.rowcount
    connection.rollback()
    cursor.execute("SELECT COUNT(*) FROM counted")
    assert cursor.fetchall()[0][0] == 0
    cursor.execute("INSERT INTO counted VALUES (1)")
    connection.commit()
    assert errno(lambda: cursor.execute("INSERT INTO counted VALUES (1)")) == 1062
    assert errno(lambda: cursor.execute("SELECT * FROM nothing")) == 1146
    connection.rollback()
    cursor.close()


def results(connection):
    cursor = connection.cursor()
    cursor.execute("DROP PROCEDURE IF EXISTS several")
    cursor.execute("CREATE PROCEDURE several(IN x INT) BEGIN SELECT x; SELECT 'a', 'b' UNION SELECT 'c', 'd'; END")
    assert DRIVER.call(cursor, "several", (7,)) == [((7,),), (("a", "b"), ("c", "d"))]
    cursor.close()
    assert [tuple(row) for row in DRIVER.prepared(connection)] == [(42, "ü🦀")]
    with DRIVER.connect(**DRIVER.multi) as other:
        found = DRIVER.several(other.cursor(), "SELECT 1; DO 2; SELECT 3, 4")
        assert [rows for rows in found if rows] == [((1,),), ((3, 4),)], found


def large(connection):
    cursor = connection.cursor()
    cursor.execute("SELECT LENGTH(%s)", ("y" * LARGE,))
    assert cursor.fetchall()[0][0] == LARGE
    cursor.execute(f"SELECT REPEAT('w', {LARGE})")
    assert len(cursor.fetchall()[0][0]) == LARGE
    cursor.close()
    # Rows that are taken as they come.
    cursor = DRIVER.stream(connection)
    cursor.execute("SELECT seq, REPEAT('v', 200) FROM seq_1_to_50000")
    assert sum(len(row[1]) for row in cursor) == 200 * 50_000
    cursor.close()


def cancelling():
    """From another connection, by the number of the greeting."""
    connection, other = DRIVER.connect(), DRIVER.connect()
    failed, number = [], DRIVER.number(connection)
    cursor = connection.cursor()

    def sleep():
        cursor.execute("SELECT SLEEP(1000) FROM seq_1_to_9")
        # One of them reads the answer here.
        cursor.fetchall()

    running = threading.Thread(target=lambda: failed.append(errno(sleep)))
    running.start()
    while running.is_alive():
        # Before it is running there is nothing to be ended.
        other.cursor().execute(f"KILL QUERY {number}")
        running.join(0.05)
    # Ended while it opens the sequence, it fails with what that says.
    assert failed[0] in (1317, 1939), failed
    connection.close()
    other.close()


def refusals():
    assert errno(lambda: DRIVER.connect(password="wrong")) == 1045
    with DRIVER.connect(user=READER, password=READER_PASSWORD) as reader:
        cursor = reader.cursor()
        cursor.execute("SELECT COUNT(*) FROM counted")
        assert cursor.fetchall()[0][0] == 1
        assert errno(lambda: cursor.execute("DELETE FROM counted")) == 1142
        assert errno(lambda: cursor.execute("CREATE TABLE no (id INT)")) == 1142


with DRIVER.connect() as main:
    types(main)
    transactions(main)
    results(main)
    large(main)
cancelling()
refusals()
print("ok")
