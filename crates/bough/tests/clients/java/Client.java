import java.math.BigDecimal;
import java.math.BigInteger;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.Objects;
import java.util.Properties;

/**
 * What an application does with a JDBC driver. Argument: {@code mysql} or {@code mariadb}. Where to connect stands in the
 * environment (see main.rs). Ends with 0 and "ok" when all is as it should be.
 */
public final class Client {
    private static final int LARGE = 63 << 20;
    private static String driver;

    private static String given(String name) {
        return Objects.requireNonNull(System.getenv(name), name);
    }

    private static Connection open(String user, String password, String... more) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", user);
        properties.setProperty("password", password);
        if (driver.equals("mysql")) {
            // It takes a store of certificates, made from the authority's file by the one who calls this.
            properties.setProperty("sslMode", "VERIFY_IDENTITY");
            properties.setProperty("trustCertificateKeyStoreUrl", "file:" + given("BOUGH_STORE"));
            properties.setProperty("trustCertificateKeyStorePassword", given("BOUGH_STORE_PASSWORD"));
        } else {
            properties.setProperty("sslMode", "verify-full");
            properties.setProperty("serverSslCert", given("BOUGH_CA"));
        }
        for (int at = 0; at < more.length; at += 2) {
            properties.setProperty(more[at], more[at + 1]);
        }
        String url = "jdbc:" + driver + "://" + given("BOUGH_HOST") + ":" + given("BOUGH_PORT") + "/" + given("BOUGH_DATABASE");
        return DriverManager.getConnection(url, properties);
    }

    private static void want(String what, Object found, Object wanted) {
        if (!Objects.deepEquals(found, wanted)) {
            throw new AssertionError(what + ": " + shortened(found) + " instead of " + shortened(wanted));
        }
    }

    private static String shortened(Object value) {
        String text = value instanceof byte[] bytes ? Arrays.toString(bytes) : String.valueOf(value);
        return text.substring(0, Math.min(200, text.length()));
    }

    @FunctionalInterface
    private interface Work {
        void run() throws SQLException;
    }

    private static int errno(Work work) {
        try {
            work.run();
        } catch (SQLException refused) {
            return refused.getErrorCode();
        }
        throw new AssertionError("an error is expected");
    }

    private static void run(Connection connection, String... statements) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (String each : statements) {
                statement.execute(each);
            }
        }
    }

    private static void types(Connection connection) throws SQLException {
        run(connection, "DROP TABLE IF EXISTS kinds", "CREATE TABLE kinds (a TINYINT, b BIGINT UNSIGNED, c DOUBLE, d DECIMAL(30,10),"
                + " e VARCHAR(99), f LONGTEXT, g VARBINARY(9), h DATE, i DATETIME(6), j TIME(3), k YEAR, l ENUM('x','y'), m INT, n JSON, o FLOAT)");
        // Oracle's driver takes a MariaDB for a server of version 5.5, which has no fractions of seconds.
        LocalDateTime at = LocalDateTime.of(2026, 2, 28, 1, 2, 3, driver.equals("mysql") ? 0 : 4000);
        BigInteger most = BigInteger.TWO.pow(64).subtract(BigInteger.ONE);
        byte[] bytes = {0, -1, '\'', '\\'};
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO kinds VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")) {
            Object[] values = {-128, new BigDecimal(most), 1.5, new BigDecimal("-1.2345678901"), "ünïcødé 🦀", "x".repeat(70_000), bytes,
                LocalDate.of(2026, 2, 28), at, "-12:01:00.000", 1999, "y", null, "{\"a\": [1, 2]}", 0.5f};
            for (int number = 0; number < values.length; number++) {
                insert.setObject(number + 1, values[number]);
            }
            want("inserted", insert.executeUpdate(), 1);
        }
        try (PreparedStatement select = connection.prepareStatement("SELECT * FROM kinds WHERE a = ?")) {
            select.setInt(1, -128);
            try (ResultSet row = select.executeQuery()) {
                want("a row", row.next(), true);
                want("a", row.getInt("a"), -128);
                want("b", row.getBigDecimal("b").toBigInteger(), most);
                want("c", row.getDouble("c"), 1.5);
                want("d", row.getBigDecimal("d"), new BigDecimal("-1.2345678901"));
                want("e", row.getString("e"), "ünïcødé 🦀");
                want("f", row.getString("f").length(), 70_000);
                want("g", row.getBytes("g"), bytes);
                want("h", row.getObject("h", LocalDate.class), LocalDate.of(2026, 2, 28));
                want("i", row.getObject("i", LocalDateTime.class), at);
                want("j", row.getString("j").startsWith("-12:01:00"), true);
                want("k", row.getString("k").substring(0, 4), "1999");
                want("l", row.getString("l"), "y");
                want("m", row.getObject("m"), null);
                want("n", row.getString("n"), "{\"a\": [1, 2]}");
                want("o", row.getFloat("o"), 0.5f);
                want("one row", row.next(), false);
            }
        }
        want("columns", connection.getMetaData().getColumns(null, null, "kinds", "%").next(), true);
    }

    private static void transactions(Connection connection) throws SQLException {
        run(connection, "DROP TABLE IF EXISTS counted", "CREATE TABLE counted (id INT PRIMARY KEY AUTO_INCREMENT, a INT UNIQUE)");
        connection.setAutoCommit(false);
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO counted (a) VALUES (?)", Statement.RETURN_GENERATED_KEYS)) {
            for (int number = 0; number < 1000; number++) {
                insert.setInt(1, number);
                insert.addBatch();
            }
            want("a batch", insert.executeBatch().length, 1000);
            try (ResultSet keys = insert.getGeneratedKeys()) {
                want("keys", keys.next(), true);
            }
        }
        connection.rollback();
        want("after a rollback", one(connection, "SELECT COUNT(*) FROM counted"), "0");
        run(connection, "INSERT INTO counted (a) VALUES (1)");
        connection.commit();
        want("twice", errno(() -> run(connection, "INSERT INTO counted (a) VALUES (1)")), 1062);
        want("of nothing", errno(() -> run(connection, "SELECT * FROM nothing")), 1146);
        connection.rollback();
        connection.setAutoCommit(true);
        connection.setReadOnly(true);
        connection.setReadOnly(false);
        want("alive", connection.isValid(5), true);
    }

    private static String one(Connection connection, String query) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet row = statement.executeQuery(query)) {
            row.next();
            return row.getString(1);
        }
    }

    private static void results(String user, String password) throws SQLException {
        try (Connection connection = open(user, password, "allowMultiQueries", "true")) {
            run(connection, "DROP PROCEDURE IF EXISTS several",
                    "CREATE PROCEDURE several(IN x INT, OUT y INT) BEGIN SELECT x; SELECT 'a' UNION SELECT 'b'; SET y = x * 6; END");
            try (CallableStatement call = connection.prepareCall("{call several(?, ?)}")) {
                call.setInt(1, 7);
                call.registerOutParameter(2, java.sql.Types.INTEGER);
                StringBuilder found = new StringBuilder();
                for (boolean more = call.execute(); more; more = call.getMoreResults()) {
                    try (ResultSet rows = call.getResultSet()) {
                        while (rows.next()) {
                            found.append(rows.getString(1));
                        }
                    }
                }
                want("a procedure", found.toString(), "7ab");
                want("its result", call.getInt(2), 42);
            }
            try (Statement statement = connection.createStatement()) {
                statement.execute("SELECT 1; DO 2; SELECT 3, 4");
                want("the first has rows", statement.getResultSet() != null, true);
                want("the second has none", statement.getMoreResults(), false);
                want("the third has", statement.getMoreResults(), true);
            }
        }
    }

    private static void large(String user, String password) throws SQLException {
        try (Connection connection = open(user, password)) {
            try (PreparedStatement select = connection.prepareStatement("SELECT LENGTH(?)")) {
                select.setString(1, "y".repeat(LARGE));
                try (ResultSet row = select.executeQuery()) {
                    row.next();
                    want("a large value", row.getInt(1), LARGE);
                }
            }
            want("a large answer", one(connection, "SELECT REPEAT('w', " + LARGE + ")").length(), LARGE);
        }
        // A cursor on the server, a hundred rows at a time.
        try (Connection connection = open(user, password, "useCursorFetch", "true", "useServerPrepStmts", "true")) {
            connection.setAutoCommit(false);
            try (PreparedStatement select = connection.prepareStatement("SELECT seq, REPEAT('v', 200) FROM seq_1_to_20000 WHERE seq > ?")) {
                select.setFetchSize(100);
                select.setInt(1, 0);
                int sum = 0;
                try (ResultSet rows = select.executeQuery()) {
                    while (rows.next()) {
                        sum += rows.getString(2).length();
                    }
                }
                want("many rows", sum, 200 * 20_000);
            }
            connection.rollback();
        }
    }

    private static void cancelling(String user, String password) throws Exception {
        try (Connection connection = open(user, password); Statement statement = connection.createStatement()) {
            int[] number = {0};
            Thread running = new Thread(() -> number[0] = errno(() -> statement.executeQuery("SELECT SLEEP(1000) FROM seq_1_to_9")));
            running.start();
            while (running.isAlive()) {
                // Before it is running there is nothing to be ended.
                statement.cancel();
                running.join(50);
            }
            // Oracle's driver has no number for it.
            want("cancelled", number[0] == 1317 || (driver.equals("mysql") && number[0] == 0), true);
            want("afterwards", one(connection, "SELECT 1"), "1");
            statement.setQueryTimeout(1);
            want("too slow", errno(() -> statement.executeQuery("SELECT SLEEP(1000) FROM seq_1_to_9")) >= 0, true);
        }
    }

    public static void main(String[] arguments) throws Exception {
        driver = arguments[0];
        String user = given("BOUGH_USER");
        String password = given("BOUGH_PASSWORD");
        // Statements put together by the driver, and statements prepared by the server.
        for (String prepared : new String[] {"false", "true"}) {
            try (Connection connection = open(user, password, "useServerPrepStmts", prepared)) {
                types(connection);
                transactions(connection);
            }
        }
        results(user, password);
        large(user, password);
        cancelling(user, password);
        want("a wrong password", errno(() -> open(user, "wrong").close()), 1045);
        try (Connection reader = open(given("BOUGH_READER"), given("BOUGH_READER_PASSWORD"))) {
            want("a reader reads", one(reader, "SELECT COUNT(*) FROM counted"), "1");
            want("a reader writes", errno(() -> run(reader, "DELETE FROM counted")), 1142);
        }
        System.out.println("ok");
    }
}
