//! Ready lines for clients: with the secret in them where they are for a shell or a file of the environment,
//! reading the environment where they are a program's own text.

use bough_control::Addresses;
use bough_control::model::Secret;
use bough_control::passwords::{AUTHORITY_FILE, PasswordRow, connection_strings};

/// One of them.
pub(crate) struct Snippet {
    pub(crate) id: String,
    /// The client.
    pub(crate) name: &'static str,
    /// Where it belongs.
    pub(crate) place: &'static str,
    pub(crate) text: String,
}

const DJANGO: &str = r#"# settings.py; pip install mysqlclient (2.2 or later)
import os

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.mysql",
        "HOST": os.environ["DATABASE_HOST"],
        "PORT": os.environ["DATABASE_PORT"],
        "NAME": os.environ["DATABASE_NAME"],
        "USER": os.environ["DATABASE_USERNAME"],
        "PASSWORD": os.environ["DATABASE_PASSWORD"],
        "OPTIONS": {
            "ssl_mode": "VERIFY_IDENTITY",
            "ssl": {"ca": os.environ["DATABASE_SSL_CA"]},
        },
    }
}"#;

const RAILS: &str = r#"production:
  adapter: mysql2
  host: <%= ENV["DATABASE_HOST"] %>
  port: <%= ENV["DATABASE_PORT"] %>
  database: <%= ENV["DATABASE_NAME"] %>
  username: <%= ENV["DATABASE_USERNAME"] %>
  password: <%= ENV["DATABASE_PASSWORD"] %>
  ssl_mode: verify_identity
  sslca: <%= ENV["DATABASE_SSL_CA"] %>"#;

const GO: &str = r#"// go get github.com/go-sql-driver/mysql
authority, err := os.ReadFile(os.Getenv("DATABASE_SSL_CA"))
if err != nil {
	log.Fatal(err)
}
roots := x509.NewCertPool()
roots.AppendCertsFromPEM(authority)

config := mysql.NewConfig()
config.Net = "tcp"
config.Addr = net.JoinHostPort(os.Getenv("DATABASE_HOST"), os.Getenv("DATABASE_PORT"))
config.User = os.Getenv("DATABASE_USERNAME")
config.Passwd = os.Getenv("DATABASE_PASSWORD")
config.DBName = os.Getenv("DATABASE_NAME")
config.ParseTime = true
config.TLS = &tls.Config{RootCAs: roots, ServerName: os.Getenv("DATABASE_HOST")}

connector, err := mysql.NewConnector(config)
if err != nil {
	log.Fatal(err)
}
db := sql.OpenDB(connector)"#;

const NODE: &str = r#"// npm install mysql2
import { readFileSync } from 'node:fs';
import mysql from 'mysql2/promise';

const connection = await mysql.createConnection({
  host: process.env.DATABASE_HOST,
  port: Number(process.env.DATABASE_PORT),
  user: process.env.DATABASE_USERNAME,
  password: process.env.DATABASE_PASSWORD,
  database: process.env.DATABASE_NAME,
  ssl: { ca: readFileSync(process.env.DATABASE_SSL_CA), verifyIdentity: true },
});"#;

const PRISMA: &str = r#"// npm install @prisma/client @prisma/adapter-mariadb
import { readFileSync } from 'node:fs';
import { PrismaMariaDb } from '@prisma/adapter-mariadb';
import { PrismaClient } from '@prisma/client';

const adapter = new PrismaMariaDb({
  host: process.env.DATABASE_HOST,
  port: Number(process.env.DATABASE_PORT),
  user: process.env.DATABASE_USERNAME,
  password: process.env.DATABASE_PASSWORD,
  database: process.env.DATABASE_NAME,
  ssl: { ca: readFileSync(process.env.DATABASE_SSL_CA) },
});
const prisma = new PrismaClient({ adapter });"#;

const RUST: &str = r#"// cargo add sqlx --features mysql,runtime-tokio,tls-rustls
let pool = sqlx::MySqlPool::connect(&std::env::var("DATABASE_URL")?).await?;"#;

/// All of them, for a password with its secret. The authority's file is the one that the page offers; without
/// one of ours, the machine's own.
pub(super) fn snippets(
    addresses: &Addresses,
    password: &PasswordRow,
    secret: &Secret<String>,
) -> Vec<Snippet> {
    let mut here = addresses.clone();
    here.mysql_ca = addresses.mysql_ca.as_ref().map(|_| AUTHORITY_FILE.to_owned());
    let strings = connection_strings(&here, password, Some(secret));
    let ready = |name: &str| {
        strings.expose().iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text.as_str())
    };
    let with_url = |name: &str| {
        let others = ready("env").lines().filter(|line| !line.starts_with("DATABASE_URL="));
        let lines: Vec<&str> = others.collect();
        format!("DATABASE_URL=\"{}\"\n{}", ready(name), lines.join("\n"))
    };
    [
        ("mariadb", "mariadb", "Shell", ready("mariadb").to_owned()),
        (
            "mysql",
            "mysql",
            "Shell, MySQL's own client; where mysql is MariaDB's, as on Debian, take the line above",
            ready("mysql").to_owned(),
        ),
        ("env", "Environment", ".env", with_url("url")),
        (
            "prisma",
            "Prisma",
            ".env, for migrations, and for clients before version 7",
            format!("DATABASE_URL=\"{}\"", ready("prisma")),
        ),
        ("prisma-client", "Prisma Client 7", "with the environment above", PRISMA.to_owned()),
        ("django", "Django", "settings.py, with the environment above", DJANGO.to_owned()),
        ("rails", "Rails", "config/database.yml, with the environment above", RAILS.to_owned()),
        ("laravel", "Laravel", ".env", ready("laravel").to_owned()),
        ("go", "Go", "with the environment above", GO.to_owned()),
        ("rust", "Rust", "with this environment", format!("{RUST}\n\n// .env\n{}", with_url("rust"))),
        ("node", "Node", "with the environment above", NODE.to_owned()),
        ("jdbc", "JDBC", "MariaDB Connector/J", ready("jdbc").to_owned()),
    ]
    .into_iter()
    .map(|(id, name, place, text)| Snippet { id: format!("snippet-{id}"), name, place, text })
    .collect()
}
