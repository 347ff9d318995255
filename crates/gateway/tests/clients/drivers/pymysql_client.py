"""What an application does with PyMySQL, through the gateway and past it: ends with 0 when both are alike.

Arguments: port, user, password, file of the authority, socket and user and password of the server itself.
"""

import ssl
import sys
import threading

import pymysql
import pymysql.cursors

port, user, password, authority, socket, account, secret = sys.argv[1:]

VALUES = (
    -1, 2**63 - 1, 1.5, "1.20", "ünïcødé 🦀", b"\x00\xff\xfe", "2026-02-28 01:02:03.000004", "-838:59:59", None,
    "x" * (17 << 20),
)
TABLE = """CREATE TABLE pymysql_t (a INT, b BIGINT, c DOUBLE, d DECIMAL(10,2), e VARCHAR(99), f BLOB, g DATETIME(6), h TIME,
    i JSON, j LONGTEXT)"""


def through(**more):
    context = ssl.create_default_context(cafile=authority)
    return pymysql.connect(host="localhost", port=port_number(), user=user, password=password, database="shop",
                           ssl=context, charset="utf8mb4", **more)


def past(**more):
    return pymysql.connect(unix_socket=socket, user=account, password=secret, database="shop", charset="utf8mb4", **more)


def port_number():
    return int(port)


def errno(work):
    try:
        work()
    except pymysql.err.MySQLError as error:
        return error.args[0]
    raise AssertionError("an error is expected")


def application(connect):
    """Everything that it sees."""
    seen = []
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pymysql_t")
        cursor.execute(TABLE)
        cursor.execute("INSERT INTO pymysql_t VALUES (" + ", ".join(["%s"] * len(VALUES)) + ")", VALUES)
        connection.commit()
        cursor.execute("SELECT * FROM pymysql_t")
        seen += [cursor.fetchall(), cursor.description]
        cursor.executemany("INSERT INTO pymysql_t (a) VALUES (%s)", [(number,) for number in range(1000)])
        seen += [cursor.rowcount]
        connection.rollback()
        cursor.execute("SELECT COUNT(*) FROM pymysql_t")
        seen += [cursor.fetchone()]
        cursor.execute("DROP PROCEDURE IF EXISTS pymysql_p")
        cursor.execute("CREATE PROCEDURE pymysql_p(IN x INT) BEGIN SELECT x; SELECT a FROM pymysql_t; END")
        cursor.callproc("pymysql_p", (7,))
        seen += [cursor.fetchall(), cursor.nextset(), cursor.fetchall(), cursor.nextset()]
        seen += [errno(lambda: cursor.execute("SELECT nothing")), errno(lambda: cursor.execute("SELECT 1; SELECT 2"))]
        connection.ping()
        connection.select_db("shop")
    with connect(client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1; SELECT 2, 3; DO 1")
        seen += [cursor.fetchall(), cursor.nextset(), cursor.fetchall(), cursor.nextset(), cursor.nextset()]
    with connect(cursorclass=pymysql.cursors.SSCursor) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT seq, REPEAT('y', 100) FROM seq_1_to_20000")
        seen += [sum(len(row[1]) for row in cursor)]
    for charset in ("latin1", "utf8mb4", "gbk"):
        with connect(init_command=f"SET NAMES {charset}") as connection, connection.cursor() as cursor:
            cursor.execute("SELECT @@character_set_client, HEX('é')")
            seen += [cursor.fetchall()]
    return seen


assert application(through) == application(past), "both are alike"

# Cancelling from another connection, by the number of the greeting.
with through() as connection, through() as other:
    number = connection.thread_id()
    assert number >= 2**31, number
    failed = []
    running = threading.Thread(target=lambda: failed.append(errno(lambda: connection.query("SELECT SLEEP(1000) FROM seq_1_to_9"))))
    running.start()
    while running.is_alive():
        # Before it is running there is nothing to be ended.
        other.query(f"KILL QUERY {number}")
        running.join(0.05)
    # Ended while it opens the sequence, it fails with what that says.
    assert failed[0] in (1317, 1939), failed
    connection.query("SELECT 1")
    other.kill(number)
    assert errno(lambda: connection.query("SELECT 1")) in (1927, 2006, 2013)

password, right = "wrong", password
assert errno(through) == 1045
password = right
print("ok")
