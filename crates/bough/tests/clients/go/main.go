// What an application does with go-sql-driver. Where to connect stands in the environment (see main.rs). Ends
// with 0 and "ok" when all is as it should be.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

const large = 63 << 20

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func want(what string, found, wanted any) {
	if fmt.Sprint(found) != fmt.Sprint(wanted) {
		panic(fmt.Sprintf("%s: %.200v instead of %.200v", what, found, wanted))
	}
}

func number(err error) uint16 {
	var refused *mysql.MySQLError
	if !errors.As(err, &refused) {
		panic(fmt.Sprintf("a refusal of the server is expected, not %v", err))
	}
	return refused.Number
}

func open(user, password string, change func(*mysql.Config)) *sql.DB {
	authority, err := os.ReadFile(os.Getenv("BOUGH_CA"))
	must(err)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		panic("the authority's certificate cannot be read")
	}
	config := mysql.NewConfig()
	config.User, config.Passwd = user, password
	config.Net, config.Addr = "tcp", os.Getenv("BOUGH_HOST")+":"+os.Getenv("BOUGH_PORT")
	config.DBName = os.Getenv("BOUGH_DATABASE")
	config.TLS = &tls.Config{RootCAs: roots, ServerName: os.Getenv("BOUGH_HOST")}
	config.ParseTime = true
	config.MaxAllowedPacket = 64 << 20
	if change != nil {
		change(config)
	}
	connector, err := mysql.NewConnector(config)
	must(err)
	return sql.OpenDB(connector)
}

func types(db *sql.DB) {
	_, err := db.Exec("DROP TABLE IF EXISTS kinds")
	must(err)
	_, err = db.Exec(`CREATE TABLE kinds (a TINYINT, b BIGINT UNSIGNED, c DOUBLE, d DECIMAL(30,10), e VARCHAR(99), f LONGTEXT,
		g VARBINARY(9), h DATE, i DATETIME(6), j TIME(3), k YEAR, l ENUM('x','y'), m INT, n BIT(9), o JSON)`)
	must(err)
	at := time.Date(2026, 2, 28, 1, 2, 3, 4000, time.UTC)
	day := time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC)
	// With values of their own the driver prepares the statement.
	_, err = db.Exec("INSERT INTO kinds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", -128, uint64(1<<64-1), 1.5, "-1.2345678901",
		"ünïcødé 🦀", strings.Repeat("x", 70000), []byte{0, 255, '\'', '\\'}, day, at, "-12:01:00.000", 1999, "y", nil, []byte{1, 1}, `{"a": [1, 2]}`)
	must(err)
	for _, query := range []string{"SELECT * FROM kinds", "SELECT * FROM kinds WHERE a = ?"} {
		var arguments []any
		if strings.Contains(query, "?") {
			arguments = []any{-128}
		}
		var a int8
		var b uint64
		var c float64
		var d, e, f, j, l, o string
		var g, n []byte
		var h, i time.Time
		var k int
		var m sql.NullInt64
		must(db.QueryRow(query, arguments...).Scan(&a, &b, &c, &d, &e, &f, &g, &h, &i, &j, &k, &l, &m, &n, &o))
		want(query, []any{a, b, c, d, e, len(f), g, h, i, j, k, l, m.Valid, n, o}, []any{-128, uint64(1<<64 - 1), 1.5, "-1.2345678901",
			"ünïcødé 🦀", 70000, []byte{0, 255, '\'', '\\'}, day, at, "-12:01:00.000", 1999, "y", false, []byte{1, 1}, `{"a": [1, 2]}`})
	}
}

func transactions(db *sql.DB) {
	_, err := db.Exec("DROP TABLE IF EXISTS counted")
	must(err)
	_, err = db.Exec("CREATE TABLE counted (id INT PRIMARY KEY)")
	must(err)
	within, err := db.Begin()
	must(err)
	insert, err := within.Prepare("INSERT INTO counted VALUES (?)")
	must(err)
	for id := range 100 {
		_, err = insert.Exec(id)
		must(err)
	}
	must(within.Rollback())
	var count int
	must(db.QueryRow("SELECT COUNT(*) FROM counted").Scan(&count))
	want("after a rollback", count, 0)
	_, err = db.Exec("INSERT INTO counted VALUES (1)")
	must(err)
	_, err = db.Exec("INSERT INTO counted VALUES (1)")
	want("twice", number(err), 1062)
	_, err = db.Exec("SELECT * FROM nothing")
	want("of nothing", number(err), 1146)
	// Read only, with an isolation of its own.
	read, err := db.BeginTx(context.Background(), &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelSerializable})
	must(err)
	_, err = read.Exec("INSERT INTO counted VALUES (2)")
	want("read only", number(err), 1792)
	must(read.Rollback())
}

func results(user, password string) {
	db := open(user, password, func(config *mysql.Config) { config.MultiStatements = true })
	defer db.Close()
	_, err := db.Exec("DROP PROCEDURE IF EXISTS several; CREATE PROCEDURE several(IN x INT) BEGIN SELECT x; SELECT 'a' UNION SELECT 'b'; END")
	must(err)
	for _, query := range []string{"CALL several(7)", "SELECT 7; SELECT 'a' UNION SELECT 'b'"} {
		rows, err := db.Query(query)
		must(err)
		var found []string
		for {
			for rows.Next() {
				var value string
				must(rows.Scan(&value))
				found = append(found, value)
			}
			if !rows.NextResultSet() {
				break
			}
		}
		must(rows.Err())
		must(rows.Close())
		want(query, found, []string{"7", "a", "b"})
	}
	// Nobody gets several statements who did not ask for them.
	plain := open(user, password, nil)
	defer plain.Close()
	_, err = plain.Exec("SELECT 1; SELECT 2")
	want("not asked for", number(err), 1064)
}

func larger(db *sql.DB) {
	var length int
	must(db.QueryRow("SELECT LENGTH(?)", strings.Repeat("y", large)).Scan(&length))
	want("a large value", length, large)
	var text string
	must(db.QueryRow(fmt.Sprintf("SELECT REPEAT('w', %d)", large)).Scan(&text))
	want("a large answer", len(text), large)
	rows, err := db.Query("SELECT seq, REPEAT('v', 200) FROM seq_1_to_50000")
	must(err)
	sum := 0
	for rows.Next() {
		var seq int
		must(rows.Scan(&seq, &text))
		sum += len(text)
	}
	must(rows.Err())
	want("many rows", sum, 200*50000)
}

func cancelling(db *sql.DB) {
	// The driver closes its connection; the server notices when it next writes. What is cut in the middle of
	// an answer must not be mixed up with the next one.
	limited, end := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer end()
	_, err := db.QueryContext(limited, "SELECT SLEEP(1000) FROM seq_1_to_9")
	if !errors.Is(err, context.DeadlineExceeded) {
		panic(fmt.Sprintf("a cancelled query: %v", err))
	}
	var one int
	must(db.QueryRow("SELECT 1").Scan(&one))
	want("afterwards", one, 1)
}

func main() {
	user, password := os.Getenv("BOUGH_USER"), os.Getenv("BOUGH_PASSWORD")
	db := open(user, password, nil)
	defer db.Close()
	db.SetMaxOpenConns(4)
	must(db.Ping())
	types(db)
	transactions(db)
	results(user, password)
	larger(db)
	cancelling(db)
	interpolated := open(user, password, func(config *mysql.Config) { config.InterpolateParams = true })
	defer interpolated.Close()
	types(interpolated)
	wrong := open(user, "wrong", nil)
	defer wrong.Close()
	want("a wrong password", number(wrong.Ping()), 1045)
	reader := open(os.Getenv("BOUGH_READER"), os.Getenv("BOUGH_READER_PASSWORD"), nil)
	defer reader.Close()
	_, err := reader.Exec("DELETE FROM counted")
	want("a reader", number(err), 1142)
	fmt.Println("ok")
}
